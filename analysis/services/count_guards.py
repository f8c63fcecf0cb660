"""What stands beside a reader's count or in its way, as sentences with codes: those of `mitosis count` for what the
installation knows of slide and analysis, and those that only a page can say.
"""

from analysis.models import Analysis
from analysis.pipeline.count.guards import Facts, Guard, guards_of
from analysis.pipeline.count.outlook import ALTERNATES, DECISION, INTERVAL, REGIONS
from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.search import MIN_TISSUE_FRACTION
from analysis.services import count_regions
from analysis.services.count_area import CountArea, has_size
from analysis.services.count_regions import FITS, CountedRegion
from analysis.services.model_versions import list_meant_for
from analysis.services.runs import analysis_state
from mitoweb.lib.jobs.models import Job
from slides.models import Slide
from slides.wsi.doubts import BASE_MISSING, OF_PIXEL_SIZE

LATE = {
    REGIONS: (
        "region_too_long",
        "The best region was not found within the time limit: {whole} is counted, and has no score.",
    ),
    DECISION: (
        "decision_too_long",
        "There was no time to work out whether the score is decided: judge all in the region, or ask again later.",
    ),
    ALTERNATES: ("alternates_too_long", "There was no time to look for regions 2 and 3."),
    INTERVAL: (
        "interval_too_long",
        "There was no time for the interval that knows of the choice of the region.",
    ),
}


def find_guards(
    analysis: Analysis,
    protocol: Protocol,
    area: CountArea,
    counted: CountedRegion,
    open_here: int,
    outside: int,
    late: tuple[str, ...],
) -> list[Guard]:
    """Those that block a score first. open_here: what the reader has not judged in the region. outside: places that
    are none. late: parts of the count that were not worked out in time."""
    found = guards_of(_gather_facts(analysis, area, counted, outside), protocol)
    if analysis.slide.kind == Slide.Kind.SHEET:
        text = "A sheet of cut-out figures is no tissue: no region of an area can be found."
        found = [Guard("sheet", text, blocks=True), *(guard for guard in found if guard.code != "no_pixel_size")]
    if analysis_state(analysis) != Job.State.DONE:
        text = "The analysis has not come to its end: part of the tissue was not looked at, and there is no score."
        found.append(Guard("analysis_not_done", text, blocks=True))
    if not protocol.on:
        text = f"The protocol “{protocol.title}” is switched off; cases that have it keep it until another is chosen."
        found.append(Guard("protocol_off", text))
    if not late and counted.fit == FITS and not count_regions.has_protocols_area(counted, protocol):
        found += _describe_other_area(counted, protocol)
    if counted.outside_mm2 > (1 - MIN_TISSUE_FRACTION) * (counted.drawn_mm2 or 0):
        outside_mm2 = f"{counted.outside_mm2:.2f} mm²"
        text = f"Of the region {outside_mm2} lie outside the drawn tumour, where the protocol does not look."
        found.append(Guard("outside_tumour", text))
    if open_here:
        calls = "1 place in the region is" if open_here == 1 else f"{open_here:,} places in the region are"
        found.append(Guard("calls_open", f"{calls} not judged: the count is a range."))
    found += [_describe_late(part, analysis, area) for part in late]
    return sorted(found, key=lambda guard: not guard.blocks)


def _describe_late(part: str, analysis: Analysis, area: CountArea) -> Guard:
    code, sentence = LATE[part]
    return Guard(code, sentence.format(whole=area.name_whole(analysis)), blocks=part == REGIONS)


def _gather_facts(analysis: Analysis, area: CountArea, counted: CountedRegion, outside: int) -> Facts:
    """Sizes as the analysis has them. What a person answered about the file's size is no longer asked; that the full
    resolution is missing stays true."""
    slide = analysis.slide
    sized = has_size(analysis)
    asked = {doubt["code"] for doubt in slide.open_doubts} & {*OF_PIXEL_SIZE}
    missing = {doubt["code"] for doubt in slide.doubts} & {BASE_MISSING}
    validity = analysis.validity or {"grade": None, "reasons": []}
    return Facts(
        analysis.mpp_x if sized else None,
        analysis.mpp_y if sized else None,
        doubts=(*asked, *missing),
        grade=validity["grade"],
        reasons=tuple(validity["reasons"]),
        tissue_given=analysis.tissue is not None or bool(analysis.area_mm2),
        tumour_given=area.has_tumour and counted.region is None,
        region_mm2=counted.area_mm2,
        fits=counted.fit == FITS,
        tumour=slide.case.tumour_type,
        organ=slide.case.organ,
        meant_for=() if analysis.model is None else list_meant_for(analysis.model),
        outside=outside,
    )


def _describe_other_area(counted: CountedRegion, protocol: Protocol) -> list[Guard]:
    """Of a region larger than the protocol's window, or of another outline than the protocol allows."""
    if counted.area_mm2 is None or not protocol.cutoffs:
        return []
    text = f"The protocol counts in {protocol.shape.area_mm2:.2f} mm², and the region has {counted.area_mm2:.2f} mm²: "
    return [Guard("other_area", f"{text}its cut-offs are of no such count, and it has no score.", blocks=True)]
