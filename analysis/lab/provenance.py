"""Which slides a network has seen: its own, and those of the runs that it began from or was taught with.

A metric of a slide that was seen says nothing. A run's record is its `run.json`, a model version's is the `training` of
its card. Where a record holds `trained_on`, that is all of it; otherwise its configuration names the runs before it,
whose records are read where they lie beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.lab.datasets.frames import VALIDATION_SLIDE, scans_of
from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused

# Starts that are no run; so is a file, `b0:FILE`.
NO_RUNS = ("", "lite0", "random")


@dataclass(frozen=True)
class Provenance:
    """`slides` that were trained on, in order, as far as is known; `unrecorded` names what has no record at hand."""

    slides: tuple[str, ...]
    unrecorded: tuple[str, ...] = ()


def provenance_of_run(run: Path, finder: Path | None = None) -> Provenance:
    """What a finished run has seen, together with the first stage that it is used with."""
    folders = [run] if finder is None else [run, finder]
    return _gather_provenance([(folder.name, _read_record(folder)) for folder in folders], run.parent)


def provenance_of_config(config: dict[str, Any], runs: Path) -> Provenance:
    """What a run of this configuration, as JSON has it, will have seen; `runs` is where the runs before it lie."""
    return _gather_provenance([(str(config.get("name")), {"config": config})], runs)


def provenance_of_card(card: Card) -> Provenance:
    """What a model version has seen, by its card alone."""
    return _gather_provenance([(card.name, card.training)], None)


def provenance_record(trained: Provenance) -> dict[str, list[str]]:
    """The entry of a record by which this need not be gathered again; none where something is unrecorded."""
    return {} if trained.unrecorded else {"trained_on": list(trained.slides)}


def refuse_trained_on(name: str, trained: Provenance, slides: Sequence[str]) -> None:
    """Raises PipelineRefused for slides that `name` has seen, or may have."""
    known = sorted(scans_of(trained.slides) & set(slides))
    if known:
        raise PipelineRefused(f"{name} was trained on {', '.join(known)}; figures from there would say nothing.")
    # No training takes the validation slide, so it is unseen without a record as well.
    doubtful = sorted(set(slides) - {VALIDATION_SLIDE})
    if trained.unrecorded and doubtful:
        raise PipelineRefused(
            f"There is no record at hand of what {', '.join(trained.unrecorded)} was trained on, "
            f"so nobody knows whether {name} has seen {', '.join(doubtful)}."
        )


def _gather_provenance(records: list[tuple[str, Any]], runs: Path | None) -> Provenance:
    slides, unrecorded, read = set(), set(), {name for name, _ in records}
    while records:
        name, record = records.pop()
        if not _is_record(record):
            unrecorded.add(name)
            continue
        slides |= set(record.get("trained_on", record["config"]["slides"]))
        for other, its_record in [] if "trained_on" in record else _records_before(record, runs):
            if other not in read:
                read.add(other)
                records.append((other, its_record))
    return Provenance(tuple(sorted(slides)), tuple(sorted(unrecorded)))


def _is_record(record: Any) -> bool:
    config = record.get("config") if isinstance(record, dict) else None
    return isinstance(config, dict) and isinstance(config.get("slides"), list | tuple)


def runs_before(config: dict[str, Any]) -> list[str]:
    """The runs that a configuration names, which began or taught what it is of."""
    names = [str(config.get(key) or "") for key in ("start", "finder")]
    return [name for name in names if name not in NO_RUNS and ":" not in name]


def _records_before(record: dict[str, Any], runs: Path | None) -> list[tuple[str, Any]]:
    """The runs that a record names, with their own records or None."""
    held = record.get("finder")
    found = [(str(held["config"].get("name")), held)] if held is not None and _is_record(held) else []
    return found + [
        (name, None if runs is None else _read_record(runs / name)) for name in runs_before(record["config"])
    ]


def _read_record(run: Path) -> Any:
    """What `run.json` says, None where it is not there or no JSON."""
    try:
        return json.loads((run / "run.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
