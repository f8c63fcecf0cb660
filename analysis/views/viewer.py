"""The viewer: one slide, its crops as a gallery, two slides side by side. Each with all that its scripts start from."""

import uuid

from django.conf import settings
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analysis.models import Analysis
from analysis.services import estimates, model_versions, runs, whose_count
from analysis.views.slide_facts import list_slide_facts
from mitoweb.lib.access import get_visible
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may
from slides.api.serializers import RegionSerializer
from slides.models import Slide
from slides.services import pixel_size
from slides.services.doubts import describe_answer
from slides.tiles import pictures

SHOWN_AT_ONCE = {Job.State.QUEUED, Job.State.RUNNING, Job.State.DONE}


@require_safe
def viewer_page(request, pk):
    """The slide, open at ?analysis=, else at the newest analysis that shows something."""
    slide = get_visible(Slide.objects.select_related("case__team", "released_by"), request.user, pk=pk)
    analyses = list(slide.analyses.with_facts())
    chosen = _choose_analysis(analyses, request.GET.get("analysis", ""))
    data = _describe_reading(request, slide, analyses, chosen) | {
        "areas": _list_areas(slide),
        "facts": {"sections": list_slide_facts(slide)},
        "reads": whose_count.judges(request.user, slide.case.team),
        "models": runs.list_usable_models(slide.case.team),
        "estimate": _estimate_time(slide),
        "modes": [{"value": value, "label": label} for value, label in Analysis.Mode.choices],
        "normalisers": list(runs.NORMALISERS),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
    }
    return render(request, "analysis/viewer.html", {"slide": slide, "case": slide.case, "data": data})


@require_safe
def gallery_page(request, pk):
    """The crops of one analysis, chosen as the viewer chooses it. Filter, order and size stand in the address."""
    slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=pk)
    if slide.state != Slide.State.READY:
        return redirect("viewer", slide.pk)  # which says where it stands
    analyses = list(slide.analyses.with_facts())
    chosen = _choose_analysis(analyses, request.GET.get("analysis", ""))
    viewer_url = reverse("viewer", args=[slide.pk])
    data = _describe_reading(request, slide, analyses, chosen)
    data["viewer_url"] = f"{viewer_url}?analysis={chosen.pk}" if chosen else viewer_url
    return render(request, "analysis/gallery.html", {"slide": slide, "case": slide.case, "data": data})


def _describe_reading(request, slide: Slide, analyses: list[Analysis], chosen: Analysis | None) -> dict:
    """What every page needs on which detections are judged."""
    return {
        "slide": _describe_slide(slide),
        "case": _describe_case(slide),
        "analyses": [_describe_analysis(analysis) for analysis in analyses],
        "analysis": str(chosen.pk) if chosen else None,
        "regions": _describe_regions(slide),
        "me": _describe_person(request.user),
        "may": _list_rights(request.user, slide.case.team),
        "api": "/api/",
    }


@require_safe
def compare_page(request, pk, other):
    """Two slides side by side, which need not be of one case; or one slide twice, with two analyses of it.

    ?left= and ?right= name the analyses whose marks are shown; else the newest of each slide.
    """
    rows = Slide.objects.select_related("case__team")
    pair = [get_visible(rows, request.user, pk=wanted) for wanted in (pk, other)]
    not_ready = next((slide for slide in pair if slide.state != Slide.State.READY), None)
    if not_ready is not None:
        return redirect("viewer", not_ready.pk)  # which says where it stands
    panes = []
    for slide, side in zip(pair, ("left", "right"), strict=True):
        analyses = list(slide.analyses.with_facts())
        shown = _choose_analysis(analyses, request.GET.get(side, ""))
        pane = {"slide": _describe_slide(slide), "case": _describe_case(slide)}
        pane["analyses"] = [_describe_analysis(analysis) for analysis in analyses]
        panes.append(pane | {"analysis": str(shown.pk) if shown else None})
    data = {"panes": panes, "me": _describe_person(request.user), "api": "/api/"}
    context = {"left": pair[0], "right": pair[1], "panes": list(enumerate(panes)), "data": data}
    return render(request, "analysis/compare.html", context)


def _estimate_time(slide: Slide) -> str:
    """Of the whole slide with the usual choices."""
    pace = estimates.measure_pace(model_versions.find_active_model(slide.case.team))
    return estimates.describe_seconds(estimates.estimate_seconds([slide], pace))


def _choose_analysis(analyses: list[Analysis], wanted: str) -> Analysis | None:
    """The analysis named in the address, which must be one of this slide; without a name the newest with something."""
    if not wanted:
        return next((analysis for analysis in analyses if runs.analysis_state(analysis) in SHOWN_AT_ONCE), None)
    named = next((analysis for analysis in analyses if str(analysis.pk) == wanted), None)
    if named is None:
        raise Http404
    return named


def _describe_slide(slide: Slide) -> dict:
    default = pixel_size.find_scanner_default(slide.case.team, slide.scanner)
    return {
        "id": str(slide.pk),
        "label": slide.label,
        "kind": slide.kind,
        "state": slide.state,
        "reason": slide.reason,
        "hints": slide.hints,
        "doubts": [doubt | {"answer": describe_answer(doubt)} for doubt in slide.doubts],
        "width": slide.width,
        "height": slide.height,
        "mpp_x": slide.mpp_x,
        "mpp_y": slide.mpp_y,
        "mpp_source": slide.mpp_source,
        "objective": slide.objective,
        "scanner": slide.scanner,
        "scanner_default": {"mpp_x": default.mpp_x, "mpp_y": default.mpp_y} if default else None,
        "pyramid": _describe_pyramid(slide),
        "stain_url": f"/api/slides/{slide.pk}/stain/",
        "crop_url": f"/api/slides/{slide.pk}/crop.jpeg",
        "thumbnail_url": _thumbnail_url(slide.pk),
    }


def _describe_pyramid(slide: Slide) -> dict:
    """What the Deep Zoom description says, so that the first tile need not wait for it."""
    if slide.state != Slide.State.READY:
        return {}
    zoom = pictures.get_geometry(slide)
    return {
        "width": zoom.width,
        "height": zoom.height,
        "tile_size": zoom.tile_size,
        "overlap": zoom.overlap,
        "tiles_url": f"/api/slides/{slide.pk}/image_files/",
    }


def _describe_case(slide: Slide) -> dict:
    case = slide.case
    return {
        "id": str(case.pk),
        "accession": case.accession,
        "tumour": case.tumour_type,
        "url": f"/cases/{case.pk}/",
        "slides": [
            {
                "id": str(row.pk),
                "label": row.label,
                "state": row.state,
                "url": reverse("viewer", args=[row.pk]),
                "thumbnail_url": _thumbnail_url(row.pk),
            }
            for row in case.slides.exclude(state=Slide.State.REFUSED)
        ],
    }


def _list_areas(slide: Slide) -> list[dict]:
    """The tumour as drawn, in the words of the API."""
    rows = slide.regions.tumour_areas().select_related("slide", "created_by", "changed_by", "withdrawn_by")
    return RegionSerializer(rows, many=True).data


def _thumbnail_url(pk: uuid.UUID) -> str:
    return f"/api/slides/{pk}/thumbnail.jpeg"


def _describe_analysis(analysis: Analysis) -> dict:
    return {
        "id": str(analysis.pk),
        "state": runs.analysis_state(analysis),
        "message": runs.analysis_message(analysis),
        "created": analysis.created.isoformat(),
        "model": analysis.found_by,
        "imported": analysis.imported is not None,
        "mode": analysis.mode,
        "normaliser": analysis.normaliser,
        "region": analysis.region.name if analysis.region else None,
        "detections": analysis.detection_count,
    }


def _describe_regions(slide: Slide) -> list[dict]:
    regions = slide.regions.to_count_in()
    return [{"id": str(region.pk), "name": region.name, "polygon": region.polygon} for region in regions]


def _describe_person(user) -> dict:
    return {"id": user.pk, "username": user.username, "initials": user.initials}


def _list_rights(user, team) -> dict[str, bool]:
    names = {
        "judge": "verdict.give",
        "comment": "comment.give",
        "analyse": "analysis.run",
        "export": "export",
        "region": "region.draw",
        "protocol": "protocol.choose",
        "explain": "explain",
        "calibrate": "slide.edit",
    }
    return {name: may(user, action, team) for name, action in names.items()}
