"""What is wrong with label files, collected rather than raised, so that a report names everything at once.

An error would make training or scores wrong, and `readers.read_labels` refuses; a warning needs a person's eye; a
note is something that was understood and only said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from analysis.lab.datasets.records import Label, LabelledImage
from analysis.lab.errors import DatasetRefused

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Fault:
    """One fault: `code` for programs, `what` is wrong and `advice` for people. `line` counts from 1, None where the
    fault is the whole file's or the line tells nothing; then `annotation` names what of `image` is wrong.
    """

    severity: str
    code: str
    file: Path
    what: str
    advice: str
    line: int | None = None
    image: str = ""
    annotation: str = ""

    def __str__(self) -> str:
        return self.in_words(self.file.parent)

    def in_words(self, root: Path) -> str:
        """The place, the fault and the advice; the file named as seen from `root`."""
        inside = self.file != root and self.file.is_relative_to(root)
        place = str(self.file.relative_to(root)) if inside else self.file.name
        if self.line is not None:
            place += f", line {self.line}"
        if self.annotation:
            place += f", annotation {self.annotation}" + (f" of image {self.image}" if self.image else "")
        return f"{place}: {self.what}. {self.advice}."

    def as_json(self) -> dict:
        """Plain strings and numbers."""
        names = ("severity", "code", "line", "annotation", "image", "what", "advice")
        return {"file": str(self.file)} | {name: getattr(self, name) for name in names}


@dataclass
class Faults:
    """Collects the faults of one label file while it is read, or of one annotation in it."""

    file: Path
    found: list[Fault] = field(default_factory=list)
    annotation: str = ""
    image: str = ""

    def of(self, annotation: str, image: str = "") -> "Faults":
        """The same list, for one annotation (and its image)."""
        return Faults(self.file, self.found, annotation, image)

    def error(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self._add(ERROR, code, what, advice, line, image)

    def warn(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self._add(WARNING, code, what, advice, line, image)

    def note(self, code: str, what: str, advice: str, line: int | None = None, image: str = "") -> None:
        self._add(NOTE, code, what, advice, line, image)

    def _add(self, severity: str, code: str, what: str, advice: str, line: int | None, image: str) -> None:
        image = image or self.image
        self.found.append(Fault(severity, code, self.file, what, advice, line, image, self.annotation))


def fault_at(
    severity: str, code: str, image: LabelledImage, what: str, advice: str, label: Label | None = None
) -> Fault:
    """A fault at the place of a label, or else of its image, in the file that says it."""
    file = (label.source if label else None) or image.source
    if label is None:
        return Fault(severity, code, file, what, advice, image.line, image.name)
    return Fault(severity, code, file, what, advice, label.line, image.name, label.annotation)


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
