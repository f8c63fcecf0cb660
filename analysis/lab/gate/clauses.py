"""The clauses of the gate: each a figure, a tolerance set beforehand, and what follows, in words for a pathologist.

The dot decides, in the first clause the interval's low end too. An interval that reaches beyond the tolerance says how
little the locked set can tell, and does not fail a candidate. Where a tolerance is as small as chance, for calibration
and counts, a worse figure fails if its whole interval is worse; else it is a person's to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from analysis.lab import tolerances
from analysis.lab.gate import changes, counting
from analysis.lab.gate.changes import RATIO, Change
from analysis.lab.gate.flips import Flips
from analysis.lab.gate.found import Found
from analysis.lab.tolerances import Asked, tell_change
from analysis.pipeline.count.protocols import Protocol

PASS, FAIL, PERSON, FEW = "pass", "fail", "person", "few"
# So small a difference is how numbers are kept, none of the versions.
SLACK = 1e-9


@dataclass(frozen=True)
class Clause:
    """code: a word for programs; number: its place in the list, several may share one; title: what is measured;
    sentence: what was found; bound: the tolerance in words, and `limit` as a number on the scale of the change; says:
    pass, fail, person (a look at it by somebody settles it) or few (not judged).
    """

    code: str
    number: int
    title: str
    sentence: str
    says: str
    bound: str
    limit: float | None = None
    measured: Change | None = None
    more: dict = field(default_factory=dict)

    def as_json(self) -> dict:
        plain = {
            name: getattr(self, name) for name in ("code", "number", "title", "sentence", "says", "bound", "limit")
        }
        return plain | {"measured": self.measured and self.measured.as_json(), "more": self.more}


def judge_f1(base: Found, candidate: Found) -> Clause:
    change = _f1(base, candidate)
    fell_low = change.interval is not None and change.interval[0] <= tolerances.F1_LOW
    says = FAIL if change.change < tolerances.F1_LEAST - SLACK or fell_low else PASS
    why = {
        PASS: "The candidate is as good as the version in use",
        FAIL: "The candidate may be worse by more than is allowed" if fell_low else "The candidate is worse",
    }[says]
    sentence = f"{why}: {_tell(change, 'detection F1')}, over {change.count} mitoses."
    more = {"low_end": tolerances.F1_LOW}
    return _make("f1", tolerances.F1, sentence, says, change, more)


def _f1(base: Found, candidate: Found) -> Change:
    thresholds = base.threshold, candidate.threshold
    return changes.f1_change(base.frames, candidate.frames, thresholds, changes.cases_of(base.frames))


def judge_domains(base: Found, candidate: Found) -> list[Clause]:
    """One for each scanner and each tumour that the locked set names."""
    found = []
    for group in ("scanner", "tumour"):
        for name in sorted({getattr(frame, group) for frame in base.frames} - {""}):
            own = [i for i, frame in enumerate(base.frames) if getattr(frame, group) == name]
            before, after = ([each.frames[i] for i in own] for each in (base, candidate))
            thresholds = base.threshold, candidate.threshold
            change = changes.f1_change(before, after, thresholds, changes.cases_of(before))
            found.append(_judge_domain(group, name, change))
    return found


def _judge_domain(group: str, name: str, change: Change) -> Clause:
    if change.count < tolerances.LEAST_MITOSES:
        says, why = FEW, f"Only {change.count} mitoses, from {tolerances.LEAST_MITOSES} on it is judged"
    elif change.change > tolerances.DOMAIN_LEAST:
        says, why = PASS, f"As good on {name}"
    else:
        says, why = FAIL, f"Worse on {name}"
    title = f"{name[:1].upper()}{name[1:]}, {change.count} mitoses"
    sentence = f"{why}: {_tell(change, 'detection F1')}."
    more = {"group": group, "name": name}
    return _make(f"domain.{group}.{name}", tolerances.DOMAINS, sentence, says, change, more, title=title)


def judge_recall(base: Found, candidate: Found) -> Clause:
    change, per_mm2 = changes.recall_change(base, candidate)
    before, after = changes.froc_areas(base, candidate)
    froc_fell = after < before * tolerances.FROC_LEAST - SLACK
    says = FAIL if change.change < tolerances.RECALL_LEAST - SLACK or froc_fell else PASS
    why = "Finds as many mitoses" if says == PASS else "Finds fewer mitoses"
    froc = f"area under the FROC curve {before:.2f} → {after:.2f} of 8"
    sentence = f"{why} at as many false ones: {_tell(change, 'recall')}; {froc}."
    more = {
        "false_per_mm2": round(per_mm2, 3),
        "froc_area": {"base": round(before, 4), "candidate": round(after, 4)},
    }
    title = f"Recall at {per_mm2:.1f} false ones per mm²"
    return _make("recall", tolerances.RECALL, sentence, says, change, more, title=title)


def judge_poor(base: Found, candidate: Found) -> Clause:
    change, area_mm2 = changes.poor_change(base, candidate)
    if area_mm2 < tolerances.LEAST_POOR_MM2:
        says = PERSON
        sentence = (
            f"The locked set holds {area_mm2:.2f} mm² of tissue without mitoses, too little to tell false ones there; "
            "look through the new false ones."
        )
    else:
        says = PASS if change.change <= tolerances.POOR_MOST + SLACK else FAIL
        why = "No more" if says == PASS else "More"
        sentence = (
            f"{why} false ones where no mitosis is: {_tell(change, 'false ones per mm²')}, over {area_mm2:.1f} mm²."
        )
    more = {"area_mm2": round(area_mm2, 3)}
    return _make("poor", tolerances.POOR, sentence, says, change, more)


def judge_candidates(base: Found, candidate: Found) -> Clause:
    change = changes.candidate_recall_change(base, candidate)
    assert change.base is not None
    if change.change >= tolerances.CANDIDATES_LEAST - SLACK:
        says, why = PASS, "The first stage misses hardly any mitosis"
    elif change.candidate >= change.base - SLACK:
        says, why = PERSON, "The first stage misses mitoses, no more than that of the version in use"
    else:
        says, why = FAIL, "The first stage misses mitoses that the version in use proposes"
    sentence = f"{why}: it proposes {change.candidate:.1%} of them{_interval(change, '.1%')}, before {change.base:.1%}."
    return _make("candidates", tolerances.CANDIDATES, sentence, says, change)


def judge_calibration(base: Found, candidate: Found) -> Clause:
    change = changes.calibration_change(base, candidate)
    if change.change <= tolerances.CALIBRATION_MOST + SLACK:
        says, why = PASS, "Probabilities mean what they say as well as before"
    elif change.interval is None or change.interval[0] <= 0:
        says, why = PERSON, "Probabilities may mean less than before, or it is chance"
    else:
        says, why = FAIL, "Probabilities mean less than before"
    sentence = f"{why}: {_tell(change, 'calibration error')}, over {change.count} detections."
    return _make("calibration", tolerances.CALIBRATION, sentence, says, change)


def judge_counts(counts: Sequence[counting.SlideCounts], protocol: Protocol) -> Clause:
    change, kappa = counting.error_change(counts), counting.kappas(counts, protocol)
    fewer = kappa is not None and kappa[1] < kappa[0] - SLACK
    if change.change > SLACK and change.interval is not None and change.interval[0] > 0:
        says, why = FAIL, "Counts are farther from the readers'"
    elif change.change > SLACK or fewer:
        says, why = PERSON, "Counts may be farther from the readers', or it is chance"
    else:
        says, why = PASS, "Counts are as near to the readers'"
    told = f"; agreement of scores κ {kappa[0]:.2f} → {kappa[1]:.2f}" if kappa else ""
    sentence = f"{why}: {_tell(change, 'mean error of a count', 1)} in {protocol.title}, {len(counts)} slides{told}."
    more = {
        "protocol": protocol.name,
        "kappa": kappa and {"base": round(kappa[0], 4), "candidate": round(kappa[1], 4)},
        "slides": [slide.as_json() for slide in counts],
    }
    return _make("counts", tolerances.COUNTS, sentence, says, change, more)


def judge_flips(flips: Flips, cases: list[str]) -> Clause:
    change = changes.lost_share(flips.called, flips.lost, cases)
    lost, called = int(flips.lost.sum()), int(flips.called.sum())
    if not lost:
        says, sentence = PASS, f"None of the {called} mitoses that the version in use calls is lost."
    else:
        many = f"{lost} of {called} mitoses that the version in use calls {'is' if lost == 1 else 'are'} lost"
        says = PERSON if change.change <= tolerances.LOST_MOST + SLACK else FAIL
        sentence = f"{many} ({change.change:.1%}{_interval(change, '.1%')})" + (
            "; each is to be looked at." if says == PERSON else ", which is too many."
        )
    return _make("flips", tolerances.FLIPS, sentence, says, change)


def judge_changed(base: Found, candidate: Found) -> list[Clause]:
    """One for each way in which all frames were changed, for both versions alike."""
    found = []
    for name in base.changed:
        thresholds = base.threshold, candidate.threshold
        before, after = base.changed[name], candidate.changed[name]
        change = changes.f1_change(before, after, thresholds, changes.cases_of(before))
        says = PASS if change.change >= tolerances.ROBUST_LEAST - SLACK else FAIL
        why = "No worse" if says == PASS else "Worse"
        sentence = f"{why} where all slides are changed ({name}): {_tell(change, 'detection F1')}."
        code = f"changed.{name.split()[0].lower()}"
        found.append(_make(code, tolerances.CHANGED, sentence, says, change, title=f"F1 with {name}"))
    return found


def judge_cost(base: Found, candidate: Found) -> list[Clause]:
    """What it takes, and whether it says the same twice."""
    found = []
    if base.cost is not None and candidate.cost is not None:
        arithmetic = candidate.cost.gmac_per_mm2 / max(base.cost.gmac_per_mm2, SLACK)
        seconds = candidate.cost.seconds_per_mm2 / max(base.cost.seconds_per_mm2, SLACK)
        # Seconds hang on what else the machine does, so only a multiple of them counts.
        worst = max(arithmetic, candidate.parameters / base.parameters)
        is_dearer = worst > tolerances.DEARER or seconds > tolerances.FAR_DEARER
        says = FAIL if worst > tolerances.FAR_DEARER else PERSON if is_dearer else PASS
        sentence = (
            f"{candidate.parameters:,} parameters ({base.parameters:,} before), {candidate.cost.gmac_per_mm2:g} "
            f"billion multiply-adds per mm² ({base.cost.gmac_per_mm2:g}), {candidate.cost.seconds_per_mm2:.1f} s per "
            f"mm² ({base.cost.seconds_per_mm2:.1f}) on this machine."
        )
        change = Change(base.cost.gmac_per_mm2, candidate.cost.gmac_per_mm2, arithmetic, None, "", RATIO)
        more = {"seconds_per_mm2": {"base": base.cost.seconds_per_mm2, "candidate": candidate.cost.seconds_per_mm2}}
        found.append(_make("cost", tolerances.COST, sentence, says, change, more))
    says = PASS if candidate.repeats else FAIL
    sentence = (
        "The same frame gives the same detections twice."
        if candidate.repeats
        else "The same frame gave other detections the second time; results could not be told from chance."
    )
    return [*found, _make("repeats", tolerances.REPEATS, sentence, says)]


def _make(
    code: str, asked: Asked, sentence: str, says: str, measured: Change | None = None, more: dict | None = None,
    title: str = "",
) -> Clause:  # fmt: skip
    """Of a clause as it is asked; `title` where it says more of what was measured."""
    told = title or asked.title
    return Clause(code, asked.number, told, sentence, says, asked.bound, asked.limit, measured, more or {})


def _tell(change: Change, what: str, digits: int = 3) -> str:
    """`detection F1 0.701 → 0.720 (+0.019, 95 % −0.012 to +0.052)`."""
    is_ratio = change.kind == RATIO
    told = f"{change.change:.2f} times" if is_ratio else tell_change(change.change, digits)
    interval = _interval(change, ".2f" if is_ratio else f"+.{digits}f")
    return f"{what} {change.base:.{digits}f} → {change.candidate:.{digits}f} ({told}{interval})"


def _interval(change: Change, shape: str) -> str:
    if change.interval is None:
        return ""
    low, high = (f"{each:{shape}}".replace("-", "−") for each in change.interval)
    by = " by frame" if change.unit == "frame" else ""
    return f", 95 %{by} {low} to {high}"
