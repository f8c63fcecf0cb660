"""What is wrong with label files, collected rather than raised, so that a report names everything at once.

An error would make training or scores wrong, and `readers.read` refuses; a warning needs a person's eye; a note is
something that was understood and only said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from analysis.pipeline.datasets.records import Label, LabelledImage
from analysis.pipeline.errors import DatasetRefused

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Fault:
    """One fault: `code` for programs, `what` is wrong and `advice` for people. `line` counts from 1 (in sqlite it is
    the annotation's uid), None where the fault is the whole file's.
    """

    severity: str
    code: str
    file: Path
    what: str
    advice: str
    line: int | None = None
    image: str = ""

    def __str__(self) -> str:
        return self.told(self.file.parent)

    def told(self, root: Path) -> str:
        """The place, the fault and the advice; the file named as seen from `root`."""
        inside = self.file != root and self.file.is_relative_to(root)
        place = str(self.file.relative_to(root)) if inside else self.file.name
        if self.line is not None:
            place += f", {self.unit} {self.line}"
        return f"{place}: {self.what}. {self.advice}."

    @property
    def unit(self) -> str:
        return "annotation" if self.file.suffix.lower() in (".sqlite", ".db") else "line"

    def as_json(self) -> dict:
        """Plain strings and numbers."""
        names = ("severity", "code", "line", "image", "what", "advice")
        return {"file": str(self.file)} | {name: getattr(self, name) for name in names}


@dataclass
class Faults:
    """Collects the faults of one label file while it is read."""

    file: Path
    found: list[Fault] = field(default_factory=list)

    def error(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self.found.append(Fault(ERROR, code, self.file, what, advice, line, image))

    def warn(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self.found.append(Fault(WARNING, code, self.file, what, advice, line, image))

    def note(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self.found.append(Fault(NOTE, code, self.file, what, advice, line, image))


def fault_at(
    severity: str, code: str, image: LabelledImage, what: str, advice: str, label: Label | None = None
) -> Fault:
    """A fault at the place of a label, or else of its image, in the file that says it."""
    file = (label.source if label else None) or image.source
    return Fault(severity, code, file, what, advice, label.line if label else image.line, image.name)


def refuse_errors(faults: Iterable[Fault], path: Path) -> None:
    """Raises DatasetRefused where there is an error; names the first three and where to see the others."""
    faults = tuple(faults)
    errors = [fault for fault in faults if fault.severity == ERROR]
    if not errors:
        return
    named = " ".join(str(fault) for fault in errors[:NAMED_AT_MOST])
    more = len(errors) - NAMED_AT_MOST
    if more > 0:
        named += f" And {more} more: `mitosis data check {path}` lists them."
    raise DatasetRefused(named, faults)
