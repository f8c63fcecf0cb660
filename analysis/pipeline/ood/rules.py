"""What can be odd about a slide: each rule takes measures and limits and yields reasons.

A rule says nothing where its measure is not known. Limits without a fitted range are own starting values; ranges are
those fitted on the training slides. A reason names what was measured and what it should have been, for the person who
reads the slide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from scipy.stats import beta

from analysis.pipeline.cards.card import Elsewhere
from analysis.pipeline.count import poisson_interval
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.measures import Measures

OK, CAUTION, NOT_VALID = GRADES = ("ok", "caution", "not valid")

TRAINED_MPP = (0.23, 0.25)
FINE_MPP, FITTING_MPP, COARSE_MPP = (0.10, 0.20), (0.20, 0.30), 0.40
TWENTYFOLD_MPP = (0.40, 0.55)
SQUARE_WITHIN = 0.01
GREY, SOMETHING = 8, 0.02
GLASS_LEVEL, DARKFIELD_LEVEL, GLASS_TINT = 225, 100, 12
HE_SHARE, NOT_HE_SHARE, FOREIGN_SHARE = 0.95, 0.5, 0.10
STAIN_ANGLE, NO_STAIN_ANGLE = 12, 30
BLURRED_SHARE, ALL_BLURRED_SHARE = 0.10, 0.60
JPEG_QUALITY = 40
FAR_SHARE, ALL_FAR_SHARE = 0.20, 0.70
UNSURE_SHARE, UNSURE_TIMES = 0.05, 3
MITOSES_PER_MM2 = 50
# The training frames were chosen for their mitoses: quieter tissue than that is no fault. And each was measured as a
# slide of its own, with a finder threshold of its own that makes them alike; a region's is its slide's.
FEW, MANY = 0.25, 2
# How far beyond the training slides' range a measure may lie, as a part of the range's width.
SLACK = 0.10


@dataclass(frozen=True)
class Reason:
    """One sentence, and how much it weighs: CAUTION or NOT_VALID."""

    grade: str
    text: str


def unseen_scanner(scanner: str, elsewhere: Elsewhere | None) -> Iterator[Reason]:
    """A scanner that the networks have not seen, where they are known to be too weak on such. `scanner` as the slide's
    file names it, "" where it does not.
    """
    if elsewhere is None or elsewhere.f1 >= elsewhere.least_f1 or elsewhere.knows(scanner):
        return
    who = f"The scanner, {scanner}, is none" if scanner else "The file does not name its scanner, which may be none"
    yield Reason(
        CAUTION,
        f"{who} of those that the network was trained on. On slides of a scanner that it had not seen it reached a "
        f"detection F1 of {elsewhere.f1:.2f}, below the {elsewhere.least_f1:.2f} that were wanted.",
    )


# What a picture shows ----------------------------------------------------------------------------------------------
def pixel_size(measures: Measures, _: SlideLimits | None = None) -> Iterator[Reason]:
    """Missing, not square, or away from the scale that the network was trained at."""
    x, y = measures["mpp_x"], measures["mpp_y"]
    trained = f"the network was trained at {TRAINED_MPP[0]} to {TRAINED_MPP[1]} µm"
    if x is None or y is None:
        yield Reason(NOT_VALID, f"The pixel size is missing; {trained}, so nothing can be said about this slide.")
        return
    mpp = (x + y) / 2
    if abs(x / y - 1) > SQUARE_WITHIN:
        yield Reason(CAUTION, f"Pixels are not square: {x:.4g} µm wide and {y:.4g} µm high.")
    if TWENTYFOLD_MPP[0] <= mpp <= TWENTYFOLD_MPP[1]:
        yield Reason(
            NOT_VALID, f"The pixel size is {mpp:.3g} µm, a 20x scan that had to be enlarged; {trained} (a 40x scan)."
        )
    elif mpp >= COARSE_MPP or mpp < FINE_MPP[0]:
        yield Reason(NOT_VALID, f"The pixel size is {mpp:.3g} µm; {trained}, and what it sees here is resampled.")
    elif not FITTING_MPP[0] <= mpp <= FITTING_MPP[1]:
        yield Reason(CAUTION, f"The pixel size is {mpp:.3g} µm; {trained}, and what it sees here is resampled.")


def is_stained(measures: Measures, _: SlideLimits) -> Iterator[Reason]:
    """Brightfield, in colour, and with tissue."""
    colour, dark_share = measures["colour"], measures["dark_share"]
    if colour is not None and dark_share is not None and colour < GREY and dark_share > SOMETHING:
        yield Reason(
            NOT_VALID,
            f"The picture is grey (its colours span {colour:.0f} of 255); the network knows "
            "haematoxylin and eosin in colour.",
        )
    elif not measures["pieces"]:
        yield Reason(NOT_VALID, "No tissue was found, so there is nothing to compare with the training slides.")


def is_he(measures: Measures, limits: SlideLimits) -> Iterator[Reason]:
    """The colours of haematoxylin and eosin, on the pieces and over the whole slide."""
    share, trained = measures.get("he_share"), limits.ranges["he_share"]
    if share is not None and share < HE_SHARE:
        yield Reason(
            NOT_VALID if share < NOT_HE_SHARE else CAUTION,
            f"{_percent(1 - share)} of the stained pixels have colours other than haematoxylin and eosin; on the "
            f"training slides at most {_percent(1 - trained[0])}.",
        )
    foreign = measures.get("foreign_share")
    if foreign is not None and foreign > FOREIGN_SHARE and not (share is not None and share < HE_SHARE):
        yield Reason(
            CAUTION,
            f"{_percent(foreign)} of what was taken for tissue has colours that are not of the stain, such as pen ink "
            f"or dirt; up to {_percent(FOREIGN_SHARE)} passes.",
        )


def background(measures: Measures, limits: SlideLimits) -> Iterator[Reason]:
    """White level and tint of the glass; where a field shows none, of its brightest pixels."""
    level, tint = measures["glass_level"], measures["glass_tint"]
    if level is not None:
        if level < GLASS_LEVEL:
            dark = level < DARKFIELD_LEVEL
            said = "dark, so this is no brightfield scan" if dark else "dim"
            yield Reason(
                NOT_VALID if dark else CAUTION,
                f"The background is {said}: {level:.0f} of 255, where glass has at least {GLASS_LEVEL}.",
            )
        if tint is not None and tint > GLASS_TINT:
            yield Reason(
                CAUTION,
                f"The background is tinted: its red, green and blue differ by {tint:.0f}, where glass has at most "
                f"{GLASS_TINT}.",
            )
        return
    yield from outside_range(
        measures, limits, "bright_level", "The brightest pixels are {word}: {value} of 255", ("dim", None)
    )
    yield from outside_range(
        measures, limits, "bright_tint", "The brightest pixels are {word}: channels differ by {value}", (None, "tinted")
    )


def tissue_colour(measures: Measures, limits: SlideLimits) -> Iterator[Reason]:
    """How bright and how coloured the tissue is."""
    yield from outside_range(measures, limits, "brightness", "The tissue is {word}: {value} of 255", ("dark", "pale"))
    yield from outside_range(
        measures, limits, "saturation", "The tissue's colour is {word}: {value} of 255", ("weak", "strong")
    )


def stain(measures: Measures, limits: SlideLimits) -> Iterator[Reason]:
    """Colour and strength of the two stains as Macenko's method finds them."""
    for name in ("haematoxylin", "eosin"):
        angle = measures.get(f"{name}_angle")
        high = max(STAIN_ANGLE, limits.ranges[f"{name}_angle"][1])
        if angle is not None and angle > high:
            yield Reason(
                NOT_VALID if angle > NO_STAIN_ANGLE else CAUTION,
                f"The colour of {name} lies {angle:.0f}° from that of the training slides, which vary by up to "
                f"{high:.0f}°.",
            )
        said = f"{name.capitalize()} is {{word}}: a 99th percentile of {{value}}"
        yield from outside_range(measures, limits, f"{name}_strength", said, ("weak", "strong"), "{:.2f}")
    if measures["pieces"] and measures.get("haematoxylin_angle") is None:
        yield Reason(CAUTION, "No two stains could be told apart in the tissue; the training slides all show both.")


def sharpness(measures: Measures, limits: SlideLimits) -> Iterator[Reason]:
    """How many pieces of tissue are less sharp than nearly all of the training slides'."""
    share = measures.get("blurred_share")
    if share is not None and share > BLURRED_SHARE:
        yield Reason(
            NOT_VALID if share > ALL_BLURRED_SHARE else CAUTION,
            f"{_percent(share)} of the tissue looked at is out of focus or empty of detail (median sharpness "
            f"{measures['sharpness']:.0f}); 99 % of the training slides' tissue has at least {limits.sharpness:.0f}.",
        )


def compression(measures: Measures, _: SlideLimits) -> Iterator[Reason]:
    """JPEG quality, where the file says it."""
    quality = measures.get("jpeg_quality")
    if quality is not None and quality < JPEG_QUALITY:
        yield Reason(
            CAUTION,
            f"The file is strongly compressed: JPEG quality {quality:.0f}; the network was trained on 75 to 93, and "
            f"from {JPEG_QUALITY} passes.",
        )


# What the network does ---------------------------------------------------------------------------------------------
def unusual_candidates(measures: Measures, network: NetworkLimits) -> Iterator[Reason]:
    """Candidates that look unlike all that the network saw in training."""
    share, count = measures.get("far_share"), measures.get("far_of")
    if share is not None and lower_share(share, count) > FAR_SHARE:
        yield Reason(
            NOT_VALID if share > ALL_FAR_SHARE else CAUTION,
            f"{_percent(share)} of {count:.0f} candidates look to the network unlike anything in its training; on the "
            "training slides 1 % do.",
        )


def unsure_candidates(measures: Measures, network: NetworkLimits) -> Iterator[Reason]:
    """Candidates that the network can call neither a mitosis nor none."""
    share, count = measures.get("unsure_share"), measures.get("candidates")
    usual = network.unsure
    if share is not None and lower_share(share, count) > max(UNSURE_SHARE, UNSURE_TIMES * usual):
        yield Reason(
            CAUTION,
            f"The network is unsure (a probability of 0.3 to 0.7) about {_percent(share)} of the candidates; on the "
            f"training slides about {_percent(usual)}.",
        )


def densities(measures: Measures, network: NetworkLimits) -> Iterator[Reason]:
    """How much was found per mm²."""
    area, mitoses, candidates = measures["area_mm2"], measures.get("mitoses"), measures.get("candidates")
    if not area or mitoses is None or candidates is None:
        return
    if poisson_interval(round(mitoses))[0] / area > MITOSES_PER_MM2:
        yield Reason(
            CAUTION,
            f"The model calls {mitoses / area:.0f} mitoses per mm²; 95 % of labelled tumour regions have at most "
            f"{MITOSES_PER_MM2}.",
        )
    low, high = network.ranges["candidates_per_mm2"]
    found = measures["candidates_per_mm2"]
    if poisson_interval(round(candidates))[0] / area > MANY * high:
        yield Reason(
            CAUTION,
            f"There are {found:.0f} candidates per mm²; on the training slides {low:.0f} to {high:.0f}. Nuclei may be "
            "crowded, or dark debris taken for nuclei.",
        )
    if poisson_interval(round(candidates))[1] / area < FEW * low:
        yield Reason(
            CAUTION,
            f"There are only {found:.0f} candidates per mm²; on the training slides {low:.0f} to {high:.0f}. Nuclei "
            "may be too pale to be found.",
        )


def lower_share(share: float, count: float | None) -> float:
    """The lower 95 % bound of a share seen in `count` things (Clopper and Pearson, one side): few prove little."""
    count = count or 0
    hits = round(share * count)
    return 0.0 if hits == 0 else float(beta.ppf(0.05, hits, count - hits + 1))


PICTURE_RULES = (pixel_size, is_stained, is_he, background, tissue_colour, stain, sharpness, compression)
NETWORK_RULES = (unusual_candidates, unsure_candidates, densities)


def outside_range(
    measures: Measures,
    limits: SlideLimits,
    name: str,
    said: str,
    ends: tuple[str | None, str | None],
    digits: str = "{:.0f}",
) -> Iterator[Reason]:
    """A caution for a measure outside the training slides' range and its slack. `said` has {word} and {value}; the
    word is one of `ends`, and an end without a word is no fault.
    """
    value, (low, high) = measures.get(name), limits.ranges[name]
    if value is None:
        return
    slack = SLACK * (high - low)
    word = ends[0] if value < low - slack else ends[1] if value > high + slack else None
    if word is not None:
        between = f"{digits.format(low)} to {digits.format(high)}"
        yield Reason(
            CAUTION, f"{said.format(word=word, value=digits.format(value))}; on the training slides {between}."
        )


def _percent(share: float) -> str:
    """With a space, and one digit after the point where it would round to none."""
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else f"{100 * share:.1g} %"
