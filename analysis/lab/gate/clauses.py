"""The clauses of the gate: each a figure, a tolerance set beforehand, and what follows, in words for a pathologist.

The dot decides, in the first clause the interval's low end too. An interval that reaches beyond the tolerance says how
little the locked set can tell, and does not fail a candidate. Where a tolerance is as small as chance, for calibration
and counts, a worse figure fails if its whole interval is worse; else it is a person's to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from analysis.lab.gate import changes, counting
from analysis.lab.gate.changes import RATIO, Change
from analysis.lab.gate.flips import Flips
from analysis.lab.gate.found import Found
from analysis.pipeline.count.protocols import Protocol

PASS, FAIL, PERSON, FEW = "pass", "fail", "person", "few"
LEAST_CASES, LEAST_MITOSES = 2, 50
F1_LEAST, F1_LOW = -0.01, -0.02
DOMAIN_LEAST = -0.03
RECALL_LEAST, FROC_LEAST = -0.02, 0.98
POOR_MOST, LEAST_POOR_MM2 = 1.10, 0.5
CANDIDATES_LEAST = 0.97
CALIBRATION_MOST = 0.01
LOST_MOST = 0.05
ROBUST_LEAST = -0.02
DEARER, FAR_DEARER = 1.10, 2.0
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
    fell_low = change.interval is not None and change.interval[0] <= F1_LOW
    says = FAIL if change.change < F1_LEAST - SLACK or fell_low else PASS
    why = {
        PASS: "The candidate is as good as the version in use",
        FAIL: "The candidate may be worse by more than is allowed" if fell_low else "The candidate is worse",
    }[says]
    bound = f"at least {_signed(F1_LEAST, 2)}; low end above {_signed(F1_LOW, 2)}"
    sentence = f"{why}: {_tell(change, 'detection F1')}, over {change.count} mitoses."
    return Clause("f1", 1, "Detection F1, all slides", sentence, says, bound, F1_LEAST, change, {"low_end": F1_LOW})


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
    if change.count < LEAST_MITOSES:
        says, why = FEW, f"Only {change.count} mitoses, from {LEAST_MITOSES} on it is judged"
    elif change.change > DOMAIN_LEAST:
        says, why = PASS, f"As good on {name}"
    else:
        says, why = FAIL, f"Worse on {name}"
    title = f"{name[:1].upper()}{name[1:]}, {change.count} mitoses"
    sentence = f"{why}: {_tell(change, 'detection F1')}."
    more = {"group": group, "name": name}
    return Clause(
        f"domain.{group}.{name}",
        2,
        title,
        sentence,
        says,
        f"above {_signed(DOMAIN_LEAST, 2)}",
        DOMAIN_LEAST,
        change,
        more,
    )


def judge_recall(base: Found, candidate: Found) -> Clause:
    change, per_mm2 = changes.recall_change(base, candidate)
    before, after = changes.froc_areas(base, candidate)
    froc_fell = after < before * FROC_LEAST - SLACK
    says = FAIL if change.change < RECALL_LEAST - SLACK or froc_fell else PASS
    why = "Finds as many mitoses" if says == PASS else "Finds fewer mitoses"
    froc = f"area under the FROC curve {before:.2f} → {after:.2f} of 8"
    sentence = f"{why} at as many false ones: {_tell(change, 'recall')}; {froc}."
    return Clause(
        *("recall", 3, f"Recall at {per_mm2:.1f} false ones per mm²", sentence, says),
        bound=f"at least {_signed(RECALL_LEAST, 2)}; FROC area not 2 % lower",
        limit=RECALL_LEAST,
        measured=change,
        more={
            "false_per_mm2": round(per_mm2, 3),
            "froc_area": {"base": round(before, 4), "candidate": round(after, 4)},
        },
    )


def judge_poor(base: Found, candidate: Found) -> Clause:
    change, area_mm2 = changes.poor_change(base, candidate)
    if area_mm2 < LEAST_POOR_MM2:
        says = PERSON
        sentence = (
            f"The locked set holds {area_mm2:.2f} mm² of tissue without mitoses, too little to tell false ones there; "
            "look through the new false ones."
        )
    else:
        says = PASS if change.change <= POOR_MOST + SLACK else FAIL
        why = "No more" if says == PASS else "More"
        sentence = (
            f"{why} false ones where no mitosis is: {_tell(change, 'false ones per mm²')}, over {area_mm2:.1f} mm²."
        )
    more = {"area_mm2": round(area_mm2, 3)}
    title = "False ones, tissue without mitoses"
    return Clause("poor", 4, title, sentence, says, f"at most {POOR_MOST:.2f} times", POOR_MOST, change, more)


def judge_candidates(base: Found, candidate: Found) -> Clause:
    change = changes.candidate_recall_change(base, candidate)
    assert change.base is not None
    if change.change >= CANDIDATES_LEAST - SLACK:
        says, why = PASS, "The first stage misses hardly any mitosis"
    elif change.candidate >= change.base - SLACK:
        says, why = PERSON, "The first stage misses mitoses, no more than that of the version in use"
    else:
        says, why = FAIL, "The first stage misses mitoses that the version in use proposes"
    sentence = f"{why}: it proposes {change.candidate:.1%} of them{_interval(change, '.1%')}, before {change.base:.1%}."
    bound = f"at least {CANDIDATES_LEAST:.0%}"
    return Clause("candidates", 5, "Candidate recall", sentence, says, bound, CANDIDATES_LEAST, change)


def judge_calibration(base: Found, candidate: Found) -> Clause:
    change = changes.calibration_change(base, candidate)
    if change.change <= CALIBRATION_MOST + SLACK:
        says, why = PASS, "Probabilities mean what they say as well as before"
    elif change.interval is None or change.interval[0] <= 0:
        says, why = PERSON, "Probabilities may mean less than before, or it is chance"
    else:
        says, why = FAIL, "Probabilities mean less than before"
    sentence = f"{why}: {_tell(change, 'calibration error')}, over {change.count} detections."
    bound = f"at most {_signed(CALIBRATION_MOST, 2)}"
    return Clause("calibration", 6, "Calibration error", sentence, says, bound, CALIBRATION_MOST, change)


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
    title, bound = "Count error in the hot spot", "not higher, score κ not lower"
    return Clause("counts", 7, title, sentence, says, bound, 0.0, change, more)


def judge_flips(flips: Flips, cases: list[str]) -> Clause:
    change = changes.lost_share(flips.called, flips.lost, cases)
    lost, called = int(flips.lost.sum()), int(flips.called.sum())
    if not lost:
        says, sentence = PASS, f"None of the {called} mitoses that the version in use calls is lost."
    else:
        many = f"{lost} of {called} mitoses that the version in use calls {'is' if lost == 1 else 'are'} lost"
        says = PERSON if change.change <= LOST_MOST + SLACK else FAIL
        sentence = f"{many} ({change.change:.1%}{_interval(change, '.1%')})" + (
            "; each is to be looked at." if says == PERSON else ", which is too many."
        )
    title, bound = "Mitoses found before, now lost", f"at most {LOST_MOST:.0%}, each seen"
    return Clause("flips", 8, title, sentence, says, bound, LOST_MOST, change)


def judge_changed(base: Found, candidate: Found) -> list[Clause]:
    """One for each way in which all frames were changed, for both versions alike."""
    found = []
    for name in base.changed:
        thresholds = base.threshold, candidate.threshold
        before, after = base.changed[name], candidate.changed[name]
        change = changes.f1_change(before, after, thresholds, changes.cases_of(before))
        says = PASS if change.change >= ROBUST_LEAST - SLACK else FAIL
        why = "No worse" if says == PASS else "Worse"
        sentence = f"{why} where all slides are changed ({name}): {_tell(change, 'detection F1')}."
        code, bound = f"changed.{name.split()[0].lower()}", f"at least {_signed(ROBUST_LEAST, 2)}"
        found.append(Clause(code, 9, f"F1 with {name}", sentence, says, bound, ROBUST_LEAST, change))
    return found


def judge_cost(base: Found, candidate: Found) -> list[Clause]:
    """What it takes, and whether it says the same twice."""
    found = []
    if base.cost is not None and candidate.cost is not None:
        arithmetic = candidate.cost.gmac_per_mm2 / max(base.cost.gmac_per_mm2, SLACK)
        seconds = candidate.cost.seconds_per_mm2 / max(base.cost.seconds_per_mm2, SLACK)
        # Seconds hang on what else the machine does, so only a multiple of them counts.
        worst = max(arithmetic, candidate.parameters / base.parameters)
        says = FAIL if worst > FAR_DEARER else PERSON if worst > DEARER or seconds > FAR_DEARER else PASS
        sentence = (
            f"{candidate.parameters:,} parameters ({base.parameters:,} before), {candidate.cost.gmac_per_mm2:g} "
            f"billion multiply-adds per mm² ({base.cost.gmac_per_mm2:g}), {candidate.cost.seconds_per_mm2:.1f} s per "
            f"mm² ({base.cost.seconds_per_mm2:.1f}) on this machine."
        )
        change = Change(base.cost.gmac_per_mm2, candidate.cost.gmac_per_mm2, arithmetic, None, "", RATIO)
        bound = f"at most {DEARER:.2f} times; time at most {FAR_DEARER:g} times"
        more = {"seconds_per_mm2": {"base": base.cost.seconds_per_mm2, "candidate": candidate.cost.seconds_per_mm2}}
        found.append(Clause("cost", 10, "Arithmetic per mm²", sentence, says, bound, DEARER, change, more))
    says = PASS if candidate.repeats else FAIL
    sentence = (
        "The same frame gives the same detections twice."
        if candidate.repeats
        else "The same frame gave other detections the second time; results could not be told from chance."
    )
    return [*found, Clause("repeats", 11, "The same twice", sentence, says, "the very same")]


def _tell(change: Change, what: str, digits: int = 3) -> str:
    """`detection F1 0.701 → 0.720 (+0.019, 95 % −0.012 to +0.052)`."""
    is_ratio = change.kind == RATIO
    told = f"{change.change:.2f} times" if is_ratio else _signed(change.change, digits)
    interval = _interval(change, ".2f" if is_ratio else f"+.{digits}f")
    return f"{what} {change.base:.{digits}f} → {change.candidate:.{digits}f} ({told}{interval})"


def _interval(change: Change, shape: str) -> str:
    if change.interval is None:
        return ""
    low, high = (f"{each:{shape}}".replace("-", "−") for each in change.interval)
    by = " by frame" if change.unit == "frame" else ""
    return f", 95 %{by} {low} to {high}"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
