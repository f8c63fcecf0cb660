"""A run's folder: whose it is, its log, and what its data were."""

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from analysis.lab import provenance
from analysis.lab.datasets import Source
from analysis.lab.errors import CheckpointRefused, ConfigRefused
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused

log = logging.getLogger("analysis.lab.train")


@contextmanager
def log_into(path: Path, quiet: bool = False) -> Iterator[None]:
    """Adds what trainings log to a file, so that a run's history lies with it. A quiet one, of several processes that
    do the same, logs warnings alone and to no file.
    """
    handler = logging.NullHandler() if quiet else logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
        handler.close()


def claim_folder(folder: Path, config: Any) -> None:
    """Binds the folder to this configuration, a frozen dataclass. Raises CheckpointRefused where it is another run's,
    naming what differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    if path.exists():
        try:
            found = config_differences(json.loads(path.read_text()), config)
        except (ValueError, RecursionError) as error:
            raise CheckpointRefused(f"{path} cannot be read, so nobody knows whose run this is: {error}") from error
        if found:
            raise CheckpointRefused(
                f"{folder} holds a run with another configuration ({'; '.join(found)}); give this one another name"
            )
    write_atomically(path, json.dumps(asdict(config), indent=1).encode())
    # What a kill left of a file that was being written.
    for part in folder.glob(".*.safetensors.*"):
        part.unlink(missing_ok=True)


def refuse_trained_validation(config: Any, runs: Path) -> None:
    """Raises ConfigRefused where what a training starts from or uses has seen its validation slide, or may have."""
    for name in provenance.runs_before(asdict(config)) if config.validation else ():
        try:
            provenance.refuse_trained_on(name, provenance.provenance_of_run(runs / name), (config.validation,))
        except PipelineRefused as error:
            raise ConfigRefused(f"{config.validation} cannot validate {config.name}: {error}") from error


def config_differences(stored: dict[str, Any], config: Any) -> list[str]:
    """What a stored configuration has otherwise, in words. A key that it lacks, since it is older, counts as the
    default.
    """
    found = []
    wanted = json.loads(json.dumps(asdict(config)))
    for field in fields(config):
        default = None if field.default is MISSING else field.default
        if field.name not in stored and getattr(config, field.name) == default:
            continue
        there, here = stored.get(field.name), wanted[field.name]
        if isinstance(there, dict) and isinstance(here, dict):
            found += [f"{field.name}.{line}" for line in config_differences(there, getattr(config, field.name))]
        elif there != here:
            found.append(f"{field.name} {there} there, {here} here")
    return found + [f"{key} unknown here" for key in stored if key not in wanted]


def count_places(sources: list[Source]) -> dict[str, dict[str, int]]:
    """How many places of each group each source gave."""
    return {s.name: {group: len(points) for group, points in s.points.items()} for s in sources}


def data_hash(sources: list[Source]) -> str:
    """SHA-256 over names and contents of all files of images and labels that sources came from, in order of their names
    and folders.
    """
    digest = hashlib.sha256()
    files = {file for s in sources for file in (*s.files, *s.labels)}
    for path in sorted(files, key=lambda file: (file.name, file.parent.name)):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
