"""A report on label files that a person can act on: what is there, what is wrong with it, where, and what to do."""

from dataclasses import dataclass, replace
from pathlib import Path

from analysis.lab.datasets.axes import UNCHECKED
from analysis.lab.datasets.faults import ERROR, NOTE, SEVERITIES, WARNING, Fault
from analysis.lab.datasets.leaks import find_leaks
from analysis.lab.datasets.readers import Collection, Reading, parse_labels
from analysis.lab.datasets.records import KINDS, LabelledImage, count_kinds
from analysis.lab.datasets.splits import image_key, read_manifest

NAMED_AT_MOST = 5
WORDS = {"mitosis": "mitoses", "look_alike": "look-alikes", "other": "other labels"}


@dataclass(frozen=True)
class Report:
    """What was read and all its faults."""

    reading: Reading

    def of(self, severity: str) -> list[Fault]:
        return [fault for fault in self.reading.faults if fault.severity == severity]

    @property
    def has_errors(self) -> bool:
        return bool(self.of(ERROR))

    def lines(self) -> list[str]:
        """The report for a terminal: each data set, then the faults, errors first, like ones together."""
        lines = [describe_collection(collection) for collection in self.reading.collections]
        for severity in SEVERITIES:
            faults = self.of(severity)
            for code in dict.fromkeys(fault.code for fault in faults):
                alike = [fault for fault in faults if fault.code == code]
                title = f"{severity.upper() if severity != NOTE else 'Note'}: {code.replace('_', ' ')}"
                lines += ["", title + (f", {len(alike)} times" * (len(alike) > 1))]
                lines += [f"  {fault.in_words(self.reading.path)}" for fault in alike[:NAMED_AT_MOST]]
                more = len(alike) - NAMED_AT_MOST
                lines += [f"  … and {more} more; --json FILE lists them all."] if more > 0 else []
        return [*lines, "", self.verdict()]

    def verdict(self) -> str:
        errors, warnings = len(self.of(ERROR)), len(self.of(WARNING))
        if errors:
            return f"Not usable: {_counted_word(errors, 'error')} to correct, {_counted_word(warnings, 'warning')}."
        if warnings:
            return f"Usable, with {_counted_word(warnings, 'warning')} to look at."
        if any(fault.code == UNCHECKED for fault in self.reading.faults):
            return "Usable as far as it could be checked; see the notes."
        return "Usable: nothing is wrong."

    def as_json(self) -> dict:
        """The same for programs, with every fault."""
        return {
            "path": str(self.reading.path),
            "usable": not self.has_errors,
            "collections": [
                {"path": str(c.path), "format": c.format} | summarise_images(list(c.images))
                for c in self.reading.collections
            ],
            "counts": {severity: len(self.of(severity)) for severity in SEVERITIES},
            "faults": [fault.as_json() for fault in self.reading.faults],
        }


def check_labels(path: Path, manifest: Path | None = None) -> Report:
    """Reads and judges a label file or a folder, and with a split's manifest whether it fits these labels.

    Raises DatasetRefused only where no reader knows anything in it, SplitRefused where the manifest is none or leaks.
    """
    reading = parse_labels(path)
    if manifest is None:
        return Report(reading)
    return Report(replace(reading, faults=(*reading.faults, *against_manifest(reading.images, manifest))))


def against_manifest(images: list[LabelledImage], manifest: Path) -> list[Fault]:
    """Leaks between the parts of a manifest as these labels name the patients, and what one of them has alone."""
    part_of = read_manifest(manifest)
    named = [replace(image, split=part_of.get(image_key(image), "")) for image in images]
    faults = find_leaks(named)
    missing = set(part_of) - set(map(image_key, images))
    if missing:
        what = f"{len(missing)} images of the split are not among these labels, such as {min(missing)}"
        faults.append(Fault(ERROR, "unknown_image", manifest, what, "Make the split again from these labels"))
    left_out = [image for image in named if image.labelled and not image.split]
    if left_out:
        what = f"{len(left_out)} labelled images are in no part of the split, such as {left_out[0].name}"
        faults.append(Fault(NOTE, "in_no_part", manifest, what, "They are neither trained on nor scored"))
    return faults


def summarise_images(images: list[LabelledImage]) -> dict:
    """Counts of images, cases and labels, and of the images in each split that the labels name."""
    splits = sorted({image.split for image in images if image.split})
    return {
        "images": len(images),
        "unlabelled": sum(not image.labelled for image in images),
        "at_hand": sum(image.path is not None for image in images),
        "cases": len({image.case for image in images}),
        "labels": count_kinds(images),
        "splits": {name: sum(image.split == name for image in images) for name in splits},
    }


def describe_collection(collection: Collection) -> str:
    """One line: the format, the images, the labels and the splits."""
    told = summarise_images(list(collection.images))
    labels = ", ".join(
        f"{told['labels'][kind]:,} {WORDS[kind]}" for kind in KINDS if kind != "other" or told["labels"][kind]
    )
    unlabelled = f" ({told['unlabelled']} unlabelled)" if told["unlabelled"] else ""
    splits = "".join(f"; {name} {count}" for name, count in told["splits"].items())
    images, cases = _counted_word(told["images"], "image"), _counted_word(told["cases"], "case")
    held = f"{images}{unlabelled} of {cases}, {told['at_hand']} at hand"
    return f"{collection.path}: {collection.format}, {held}; {labels}{splits}"


def _counted_word(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
