"""The sentences beside a count: why a number is not there, where its area comes from, how the decision is meant."""

from analysis.models import Analysis
from analysis.pipeline.count.outlook import Outlook
from analysis.pipeline.count.report import say_mask
from analysis.services.count_area import CountArea, has_size
from analysis.services.count_regions import BEST, CountedRegion
from analysis.services.runs import analysis_state
from mitoweb.lib.jobs.models import Job
from slides.models import Slide
from slides.wsi.doubts import BASE_MISSING

GIVEN_THE_LIST = "given the list: the model's calls, and figures that readers stand by; what neither found is not in it"


def why_no_density(analysis: Analysis, area: CountArea, counted: CountedRegion) -> str:
    """The sentence that says why nothing per mm² is printed; empty where it is."""
    if analysis.slide.kind == Slide.Kind.SHEET:
        return "A sheet of cut-out figures is no tissue: no number per mm²."
    if not has_size(analysis):
        return "The slide has no pixel size: no number per mm²."
    state = analysis_state(analysis)
    if state in {Job.State.QUEUED, Job.State.RUNNING}:
        return "The analysis has not finished: no number per mm² yet."
    if state != Job.State.DONE:
        return f"The analysis {'was cancelled' if state == Job.State.CANCELLED else 'failed'}: no number per mm²."
    if not counted.has_tissue:
        where = "in the region" if counted.region else "in the drawn tumour" if area.has_tumour else "was found"
        return f"No tissue {where}: no number per mm²."
    return ""


def describe_decision(outlook: Outlook, decided: bool | None, unsure: int) -> str:
    """What the decision says and rests on; empty where there is none."""
    if decided is None or not outlook.sentence:
        return ""
    said = f"{outlook.sentence} {'Decided' if decided else 'Not decided'}, {GIVEN_THE_LIST}."
    if unsure and not decided:
        said += " What is unsure is taken for open, since it may still become a figure."
    return said


def say_where(analysis: Analysis, area: CountArea, outlook: Outlook) -> list[str]:
    """Where the protocol looked at all, and how finely that was told."""
    said = []
    if area.has_tumour:
        what = "The tumour is" if area.areas == 1 else f"{area.areas} areas of tumour are"
        size = "" if area.area_mm2 is None else f": {area.area_mm2:.2f} mm² of tissue"
        said.append(f"{what} drawn, and only there is looked{size}.")
    return said + say_mask(outlook.mask_cell_um, analysis.tissue is not None, area.has_tumour)


def write_notes(
    analysis: Analysis,
    counted: CountedRegion,
    no_density: str,
    tally: dict[str, int],
    nobody_judged: bool,
    off_tissue: int,
) -> list[str]:
    doubts = (doubt["text"] for doubt in analysis.slide.open_doubts)
    notes = [*doubts, counted.fit_note, *counted.notes, no_density]
    if nobody_judged:
        notes.append("Nothing is judged yet: these are the model's calls only.")
    if off_tissue:
        which = "1 added figure lies" if off_tissue == 1 else f"{off_tissue} added figures lie"
        notes.append(f"{which} where no tissue was found: counted, though the density is of the tissue's area alone.")
    if not no_density and tally["open"]:
        notes.append("While figures are open the density is a range, confirmed to provisional, without an interval.")
    elif not no_density:
        chosen = "; it does not know that the region was chosen as the busiest" if counted.kind == BEST else ""
        notes.append(f"The 95 % interval is Poisson's for the confirmed figures{chosen}.")
    if analysis.mpp_source == Slide.MppSource.HAND:
        notes.append("The pixel size was set by hand.")
    elif analysis.mpp_source in {Slide.MppSource.LENGTH, Slide.MppSource.OPTICS, Slide.MppSource.SCANNER}:
        notes.append(f"The pixel size comes {Slide.MppSource(analysis.mpp_source).label}.")
    slide = analysis.slide
    if any(doubt["code"] == BASE_MISSING and doubt["answer"] for doubt in slide.doubts):
        notes.append("Counted without the full resolution, which is missing.")
    if slide.mpp_x is not None and (slide.mpp_x, slide.mpp_y) != (analysis.mpp_x, analysis.mpp_y):
        notes.append("The slide's pixel size was changed after this analysis, which keeps its own.")
    return [note for note in notes if note]
