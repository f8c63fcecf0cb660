"""Two model versions side by side: what was measured of each, and where they answer otherwise on slides of this lab."""

import uuid
from dataclasses import dataclass

from django.shortcuts import render
from django.views.decorators.http import require_safe

from analysis.models import GateReport, ModelVersion
from analysis.services import model_flips
from analysis.views import gate_metrics, model_cards, model_plots
from mitoweb.lib.access import get_visible
from mitoweb.people.rights import may

CROP_UM = 64
DRAWN = (model_plots.draw_precision_recall, model_plots.draw_froc, model_plots.draw_calibration)


@dataclass(frozen=True)
class Row:
    """One metric or slice of both; empty where a card does not hold it."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Measured:
    """One set of slides: metrics, then slices, then pictures of both. fact: what speaks against comparing them; gate:
    the report that measured them, where it was one.
    """

    name: str
    fact: str
    rows: list[Row]
    plots: list[model_plots.Plot]
    gate: GateReport | None = None


@require_safe
def compare_models_page(request):
    """?a= and ?b= name the versions; without them the newest two."""
    models = list(ModelVersion.objects.visible_to(request.user).with_state().order_by("-created", "-name"))
    chosen = [_choose(request, models, key, place) for place, key in enumerate(("a", "b"))]
    context = {"models": models, "first": chosen[0], "second": chosen[1], "crop_um": CROP_UM}
    if all(chosen) and chosen[0] != chosen[1]:
        context["facts"] = _list_card_rows(*chosen)
        context["measured"] = _list_measured(*chosen)
        if may(request.user, "model.manage", None) and (report := gate_metrics.find_report_of_both(*chosen)):
            context["measured"].insert(0, _compare_on_locked_set(report, *chosen))
        context["compared"] = model_flips.compare_on_slides(*chosen, request.user)
    return render(request, "analysis/model_compare.html", context)


def _choose(request, models: list[ModelVersion], key: str, place: int) -> ModelVersion | None:
    asked = request.GET.get(key, "")
    if not asked:
        return models[place] if place < len(models) else None
    try:
        wanted = uuid.UUID(asked)
    except ValueError:
        wanted = None  # an address that somebody mistyped names no version
    return get_visible(ModelVersion.objects.with_state(), request.user, pk=wanted)


def _list_card_rows(first: ModelVersion, second: ModelVersion) -> list[Row]:
    """What the cards say otherwise."""
    facts = [dict(model_cards.list_card_facts(model)) for model in (first, second)]
    names = list(dict.fromkeys([*facts[0], *facts[1]]))
    rows = [Row(name, facts[0].get(name, ""), facts[1].get(name, "")) for name in names]
    return [row for row in rows if row.first != row.second]


def _list_measured(first: ModelVersion, second: ModelVersion) -> list[Measured]:
    """By set of slides, those that both cards hold first; one that a single card holds says so."""
    cards = [model_cards.map_reports(model) for model in (first, second)]
    names = sorted({*cards[0], *cards[1]}, key=lambda name: (name not in cards[0] or name not in cards[1], name))
    return [_compare_reports(name, cards[0].get(name), cards[1].get(name), first, second) for name in names]


def _compare_reports(name, one: dict | None, other: dict | None, first: ModelVersion, second: ModelVersion) -> Measured:
    data = [_name_data(report) for report in (one, other) if report]
    if len(data) < 2:
        fact = f"Measured of {first.name if one else second.name} alone: {data[0]}."
    elif data[0] != data[1]:
        fact = f"Not to be compared as they are: {data[0]} of {first.name}, {data[1]} of {second.name}."
    else:
        fact = data[0]
    values = [_map_values(report) if report else {} for report in (one, other)]
    rows = [Row(key, values[0].get(key, ""), values[1].get(key, "")) for key in dict.fromkeys([*values[0], *values[1]])]
    plots = [
        model_plots.named(draw(report), model.name)
        for draw in DRAWN
        for report, model in ((one, first), (other, second))
        if report
    ]
    return Measured(model_cards.TITLES.get(name, f"Reported on {name}"), fact, rows, plots)


def _compare_on_locked_set(report: GateReport, first: ModelVersion, second: ModelVersion) -> Measured:
    """By the gate, for its administrators."""
    values = [gate_metrics.map_figures(report, model) for model in (first, second)]
    rows = [Row(name, *(each[name] for each in values)) for name in values[0]]
    drawn = [(gate_metrics.as_card_report(report, model), model.name) for model in (first, second)]
    plots = [model_plots.named(draw(told), name) for draw in DRAWN for told, name in drawn]
    return Measured("Locked set", gate_metrics.name_locked_set(report), rows, plots, report)


def _name_data(report: dict) -> str:
    slides = ", ".join(report.get("slides", [])) or "slides not named"
    return f"{slides}; {report['mitoses']} mitoses in {report['frames']} frames"


def _map_values(report: dict) -> dict[str, str]:
    """Metrics, recall at false detections per mm², then slices, each with its interval where the card holds one."""
    found = {
        metric.title: f"{metric.value} ({metric.interval})" if metric.interval else metric.value
        for metric in model_cards.list_metrics(report)
    }
    froc = (report.get("froc") or {}).get("recall_at_false_per_mm2") or {}
    found |= {f"Recall at {false} false per mm²": f"{recall:.2f}" for false, recall in froc.items()}
    for chart in model_plots.draw_charts(report):
        for bar in chart.bars:
            if not bar.is_total:
                interval = f" ({bar.low:.2f} to {bar.high:.2f})" if bar.low is not None else ""
                few = "" if bar.is_reliable else ", few"
                found[f"{chart.title}: {bar.label}"] = f"{bar.f1:.2f}{interval}, {bar.mitoses} mitoses{few}"
    return found
