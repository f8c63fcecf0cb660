"""The viewer: one slide, with all that its scripts need to start."""

import uuid

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analysis.models import Analysis
from analysis.services import runs
from mitoweb.lib.access import get_visible
from mitoweb.lib.jobs.models import Job
from mitoweb.people.rights import may
from slides.models import Slide

SHOWN_AT_ONCE = {Job.State.QUEUED, Job.State.RUNNING, Job.State.DONE}


@require_safe
def viewer(request, pk):
    """The slide, open at ?analysis=, else at the newest analysis that shows something."""
    slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=pk)
    analyses = list(slide.analyses.with_facts())
    chosen = _chosen(analyses, request.GET.get("analysis", ""))
    data = {
        "slide": _slide(slide),
        "case": _case(slide),
        "analyses": [_analysis(analysis) for analysis in analyses],
        "analysis": str(chosen.pk) if chosen else None,
        "regions": [
            {"id": str(region.pk), "name": region.name, "polygon": region.polygon} for region in slide.regions.all()
        ],
        "me": {"id": request.user.pk, "username": request.user.username, "initials": request.user.initials},
        "may": _rights(request.user, slide.case.team),
        "models": runs.usable_models(slide.case.team),
        "modes": [{"value": value, "label": label} for value, label in Analysis.Mode.choices],
        "normalisers": list(runs.NORMALISERS),
        "api": "/api/",
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
    }
    return render(request, "analysis/viewer.html", {"slide": slide, "case": slide.case, "data": data})


def _chosen(analyses: list[Analysis], wanted: str) -> Analysis | None:
    """The analysis named in the address, which must be one of this slide; without a name the newest with something."""
    if not wanted:
        return next((analysis for analysis in analyses if runs.state_of(analysis) in SHOWN_AT_ONCE), None)
    named = next((analysis for analysis in analyses if str(analysis.pk) == wanted), None)
    if named is None:
        raise Http404
    return named


def _slide(slide: Slide) -> dict:
    return {
        "id": str(slide.pk),
        "label": slide.label,
        "kind": slide.kind,
        "state": slide.state,
        "reason": slide.reason,
        "hints": slide.hints,
        "width": slide.width,
        "height": slide.height,
        "mpp_x": slide.mpp_x,
        "mpp_y": slide.mpp_y,
        "mpp_source": slide.mpp_source,
        "objective": slide.objective,
        "dzi_url": f"/api/slides/{slide.pk}/image.dzi",
        "crop_url": f"/api/slides/{slide.pk}/crop.jpeg",
        "thumbnail_url": _thumbnail_url(slide.pk),
    }


def _case(slide: Slide) -> dict:
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


def _thumbnail_url(pk: uuid.UUID) -> str:
    return f"/api/slides/{pk}/thumbnail.jpeg"


def _analysis(analysis: Analysis) -> dict:
    return {
        "id": str(analysis.pk),
        "state": runs.state_of(analysis),
        "message": runs.message_of(analysis),
        "created": analysis.created.isoformat(),
        "model": analysis.model.name,
        "mode": analysis.mode,
        "normaliser": analysis.normaliser,
        "region": analysis.region.name if analysis.region else None,
        "detections": analysis.detection_count,
    }


def _rights(user, team) -> dict[str, bool]:
    names = {
        "judge": "verdict.give",
        "analyse": "analysis.run",
        "export": "export",
        "region": "region.draw",
        "explain": "explain",
        "calibrate": "slide.edit",
    }
    return {name: may(user, action, team) for name, action in names.items()}
