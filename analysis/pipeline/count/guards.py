"""What stands beside a count, or in its way: one sentence each, with a code for programs."""

from dataclasses import dataclass

from analysis.pipeline.count.protocols.protocol import Protocol
from analysis.pipeline.count.shapes import FIELDS
from analysis.pipeline.tumour_words import is_one_of
from slides.wsi.doubts import BASE_MISSING, LIKELY_MPP, MOST_UNEQUAL, OF_PIXEL_SIZE, describe_mpp

COARSE_MPP = 0.4  # scans by 40x have 0.22 to 0.28 µm per pixel, by 20x about 0.5
CAUTION, NOT_VALID = "caution", "not valid"  # grades of the slide check


@dataclass(frozen=True)
class Guard:
    """blocks: no score is told. All others mark the number and leave it."""

    code: str
    sentence: str
    blocks: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known of a slide and of how it was counted; what is not known says nothing.

    mpp_x, mpp_y: µm per pixel, None where there is none. doubts: codes of `slides.wsi.doubts` that the file gives rise
    to, answered or not. grade, reasons: of the slide check. tissue_given: whether glass can be told from tissue.
    tumour_given: whether regions lie in a drawn tumour alone. region_mm2: the tissue, of the drawn tumour where there
    is one, that a region could lie in; None where not known.
    fits: whether the protocol's window has a place. tumour, organ: what is counted, as somebody wrote it; meant_for:
    tumours that the model was made for, empty where it does not say. open_calls: calls in the region that nobody has
    judged. outside: points beside the slide. mask_outside: whether tissue or tumour reach beyond the slide.
    """

    mpp_x: float | None
    mpp_y: float | None
    doubts: tuple[str, ...] = ()
    grade: str | None = None
    reasons: tuple[str, ...] = ()
    tissue_given: bool = True
    tumour_given: bool = False
    region_mm2: float | None = None
    fits: bool = True
    tumour: str = ""
    organ: str = ""
    meant_for: tuple[str, ...] = ()
    open_calls: int = 0
    outside: int = 0
    mask_outside: bool = False

    @property
    def has_size(self) -> bool:
        return self.mpp_x is not None and self.mpp_y is not None


def guards_of(facts: Facts, protocol: Protocol) -> list[Guard]:
    """The guards that the facts call for, those that block before those that mark."""
    found = [
        *_guard_size(facts),
        *_guard_slide(facts),
        *_guard_room(facts, protocol),
        *_guard_model(facts),
        *_guard_readings(facts),
    ]
    if not protocol.sources:
        text = f"{protocol.title} names no source: whoever wrote it answers for its numbers."
        found.append(Guard("no_source", text))
    return sorted(found, key=lambda guard: not guard.blocks)


def _guard_size(facts: Facts) -> list[Guard]:
    if facts.mpp_x is None or facts.mpp_y is None:
        text = "There is no pixel size: no region of an area can be found, and nothing is told per mm²."
        return [Guard("no_pixel_size", text, blocks=True)]
    low, high = sorted((facts.mpp_x, facts.mpp_y))
    told = describe_mpp(facts.mpp_x, facts.mpp_y)
    found = []
    if low < LIKELY_MPP[0] or high > LIKELY_MPP[1] or high > MOST_UNEQUAL * low or set(facts.doubts) & {*OF_PIXEL_SIZE}:
        text = f"The pixel size is in doubt: {told}. A wrong one makes the area, and so the count, of another size."
        found.append(Guard("doubtful_pixel_size", text))
    if (low + high) / 2 >= COARSE_MPP:
        text = f"The scan is coarse: {told}, as of a lens of 20x or less. Some figures cannot be told from others."
        found.append(Guard("coarse_scan", text))
    return found


def _guard_slide(facts: Facts) -> list[Guard]:
    found = []
    reasons = " ".join(facts.reasons)
    if facts.grade == NOT_VALID:
        text = f"The slide check says not valid: the model's calls are not to be counted. {reasons}"
        found.append(Guard("slide_not_valid", text.strip(), blocks=True))
    elif facts.grade == CAUTION:
        found.append(Guard("slide_caution", f"The slide check says caution. {reasons}".strip()))
    if BASE_MISSING in facts.doubts:
        text = "Counted without the full resolution, which is missing: some figures cannot be seen."
        found.append(Guard("full_resolution_missing", text))
    return found


def _guard_room(facts: Facts, protocol: Protocol) -> list[Guard]:
    found = []
    if not facts.fits and facts.has_size:
        found.append(_describe_lack(facts, protocol))
    if not facts.tissue_given:
        text = "No tissue was given: part of the region may be glass, and nothing is told per mm²."
        found.append(Guard("no_tissue", text))
    if facts.mask_outside:
        text = "The tissue or the drawn tumour reaches beyond the slide; only what lies on the slide is searched."
        found.append(Guard("region_partly_outside", text))
    if facts.outside:
        lie = "1 figure lies" if facts.outside == 1 else f"{facts.outside:,} figures lie"
        found.append(Guard("figures_outside", f"{lie} beside the slide: not counted."))
    return found


def _describe_lack(facts: Facts, protocol: Protocol) -> Guard:
    needed, there = protocol.shape.area_mm2, facts.region_mm2 or 0.0
    whole = f"all of it is counted, {there:.2f} mm², and has no score" if there else "nothing is counted"
    # By areas as they are printed, so that no sentence says less beside a number that says as much.
    if round(there, 2) < round(needed, 2):
        room = "tissue" if facts.tissue_given else "room"
        room += " in the drawn tumour" if facts.tumour_given else ""
        text = f"The protocol counts in {needed:.2f} mm², and there is less {room}: {whole}."
        return Guard("tissue_smaller", text, blocks=True)
    what = "fields have" if protocol.shape.kind == FIELDS else "window has"
    place = "place in the drawn tumour" if facts.tumour_given else "place"
    text = f"The protocol's {what} no {place}, though there would be {needed:.2f} mm²: {whole}."
    return Guard("does_not_fit", text, blocks=True)


def _guard_model(facts: Facts) -> list[Guard]:
    """Silent where the model's card does not say what it was made for: a mark beside every count is read by nobody."""
    tumour = facts.tumour.strip()
    if not facts.meant_for or not tumour or is_one_of(f"{tumour} {facts.organ}", facts.meant_for):
        return []
    text = f"The model was made for {', '.join(facts.meant_for)}, and the case is called {tumour}: how well it does "
    text += "there is not known."
    return [Guard("model_not_meant", text)]


def _guard_readings(facts: Facts) -> list[Guard]:
    if not facts.open_calls:
        return []
    calls = "1 call in the region is" if facts.open_calls == 1 else f"{facts.open_calls:,} calls in the region are"
    return [Guard("calls_open", f"{calls} not judged by anybody: the count is the model's so far.")]
