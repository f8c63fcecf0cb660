"""Splits by patient, never by image, and the manifest that keeps them: what is in which part, with a hash.

    split = make_split(read_labels(path), SplitConfig.from_toml(file))
    write_manifest(split, out)

Patients are shared out within each group of one data set, tumour and scanner, so that every part sees all of them.
Unlabelled images go nowhere: they are no negatives. The glass that this project only reports on (MITOS-ATYPIA-14, H05
and its other scan A05) is left out of every split.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.faults import ERROR
from analysis.lab.datasets.leaks import find_leaks
from analysis.lab.datasets.records import LabelledImage, count_kinds
from analysis.lab.errors import ConfigRefused, SplitRefused
from analysis.lab.toml_config import UnknownKey, read_toml
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import meant

FORMAT = "mitoweb split 1"
TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
RESERVED_CASES = frozenset({"mitos-atypia-14/05"})
RESERVED_REASON = "H05 is for reporting only"


@dataclass(frozen=True)
class SplitConfig:
    """How to split. `shares`: part → share of the patients, together 1. `tumours`: only these, all when empty.
    `train_tumours`: patients of other tumours all go to the test part. `files_own`: keep the split that the label files
    name; shares are not used then.
    """

    name: str
    shares: dict[str, float]
    tumours: tuple[str, ...] = ()
    train_tumours: tuple[str, ...] = ()
    files_own: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        wrong = sorted(set(self.shares) - set(PARTS))
        if wrong:
            raise SplitRefused(
                f"there is no part {wrong[0]}{_hint_in_brackets(wrong[0], PARTS)}; there are {', '.join(PARTS)}"
            )
        if not self.files_own and not self.shares:
            raise SplitRefused("it lacks shares")
        if not self.files_own and (abs(sum(self.shares.values()) - 1) > 1e-6 or min(self.shares.values()) <= 0):
            raise SplitRefused(f"the shares {self.shares} are not above 0 and together 1")

    @classmethod
    def from_toml(cls, path: Path) -> "SplitConfig":
        """Reads a configuration. Raises SplitRefused naming what is unknown, lacking or no TOML."""
        try:
            return read_toml(cls, path, "configuration of a split", {"shares": {}})
        except UnknownKey as error:
            there_are = ", ".join(error.known)
            hint = _hint_in_brackets(error.key, error.known)
            raise SplitRefused(f"{path.name} has no setting {error.key}{hint}; there are {there_are}.") from error
        except ConfigRefused as error:
            raise SplitRefused(str(error)) from error


@dataclass(frozen=True)
class Split:
    """Part → its images, in the order they were read. `left_out`: how many images went nowhere, by the reason.
    `warnings`: what may leak, in sentences.
    """

    config: SplitConfig
    parts: dict[str, tuple[LabelledImage, ...]]
    left_out: dict[str, int]
    warnings: tuple[str, ...] = ()


def make_split(images: list[LabelledImage], config: SplitConfig) -> Split:
    """Shares the patients of labelled images out; the same images and configuration give the same split.

    Raises SplitRefused for a tumour that no image has, for one patient only, for a part without a mitosis, for a leak
    in the files' own split, and where one file would come into two parts under two names.
    """
    _refuse_unknown_tumours(images, config)
    taken, left_out = _images_to_split(images, config)
    part_of = _parts_of_files(taken) if config.files_own else _share_out(taken, config)
    names = [part for part in PARTS if part in part_of.values()]
    parts = {name: tuple(image for image in taken if part_of[image_key(image)] == name) for name in names}
    refuse_leaks(parts)
    _refuse_empty(parts, taken, config)
    found = find_leaks([replace(image, split=part) for part, images in parts.items() for image in images])
    error = next((fault for fault in found if fault.severity == ERROR), None)
    if error is not None:
        raise SplitRefused(str(error))
    return Split(config, parts, left_out, tuple(map(str, found)))


def image_key(image: LabelledImage) -> str:
    """What names an image in manifests: its collection and name."""
    return f"{image.collection}/{image.name}"


def refuse_leaks(parts: Mapping[str, Iterable[LabelledImage]]) -> None:
    """Raises SplitRefused where a patient or slide stands in two parts."""
    seen: dict[str, str] = {}
    for part, images in parts.items():
        for image in images:
            for name in (f"patient {image.case}", f"slide {image.collection}/{image.slide}"):
                other = seen.setdefault(name, part)
                if other != part:
                    raise SplitRefused(
                        f"{name} is in {other} and in {part} (image {image.name}); "
                        "a patient belongs to one part only, so move all its images there."
                    )


def _refuse_unknown_tumours(images: list[LabelledImage], config: SplitConfig) -> None:
    known = sorted({image.tumour for image in images if image.tumour})
    for tumour in (*config.tumours, *config.train_tumours):
        if tumour not in known:
            there = ", ".join(known) or "none named"
            raise SplitRefused(
                f"No image is of the tumour {tumour!r}{_hint_in_brackets(tumour, known)}; there are: {there}."
            )


def _images_to_split(images: list[LabelledImage], config: SplitConfig) -> tuple[list[LabelledImage], dict[str, int]]:
    """The images to split, and how many are left out by reason."""
    taken: list[LabelledImage] = []
    left_out: dict[str, int] = {}
    for image in images:
        reason = ""
        if not image.labelled:
            reason = "unlabelled"
        elif image.case in RESERVED_CASES:
            reason = RESERVED_REASON
        elif config.tumours and image.tumour not in config.tumours:
            reason = "another tumour"
        elif config.files_own and not image.split:
            reason = "in no split of its file"
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            taken.append(image)
    return taken, left_out


def _parts_of_files(images: list[LabelledImage]) -> dict[str, str]:
    """Image → the part its file names."""
    wrong = next((image for image in images if image.split not in PARTS), None)
    if wrong is not None:
        raise SplitRefused(f"{wrong.name} is in the split {wrong.split!r}; parts are called {', '.join(PARTS)}.")
    return {image_key(image): image.split for image in images}


def _share_out(images: list[LabelledImage], config: SplitConfig) -> dict[str, str]:
    """Image → part. Within a group the patients are shuffled and cut where the shares end."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    group_of: dict[str, tuple[str, str, str]] = {}
    for image in images:
        # A patient seen by two scanners is of the first one's group: it must not be torn apart.
        group = group_of.setdefault(image.case, (image.collection, image.tumour, image.scanner))
        if image.case not in groups.setdefault(group, []):
            groups[group].append(image.case)
    part_of_case: dict[str, str] = {}
    for group, cases in sorted(groups.items()):
        if config.train_tumours and group[1] not in config.train_tumours:
            part_of_case |= dict.fromkeys(cases, TEST)
            continue
        rng = np.random.default_rng([config.seed, crc32("|".join(group).encode())])
        parts = [part for part in PARTS if part in config.shares]
        ends = np.round(np.cumsum([config.shares[part] for part in parts]) * len(cases)).astype(int)
        in_order = sorted(cases)
        for i, place in enumerate(rng.permutation(len(cases))):
            part_of_case[in_order[place]] = parts[int(np.searchsorted(ends, i, side="right"))]
    return {image_key(image): part_of_case[image.case] for image in images}


def _refuse_empty(parts: dict, taken: list[LabelledImage], config: SplitConfig) -> None:
    """Raises SplitRefused where there is nothing to split or a part has no mitosis to learn from or to score."""
    cases = {image.case for image in taken}
    if len(cases) < 2:
        held = "no labelled patient" if not cases else f"one patient only ({next(iter(cases))})"
        raise SplitRefused(f"There is {held}, which cannot be split; add images of others.")
    for part in parts if config.files_own else config.shares:
        if not count_kinds(list(parts.get(part, ())))[MITOSIS]:
            raise SplitRefused(f"The part {part} holds no mitosis; give it a larger share or add patients.")


# The manifest ------------------------------------------------------------------------------------------------
def write_manifest(split: Split, path: Path) -> str:
    """Writes the split as JSON with the SHA-256 of its content, and returns that hash."""
    document = {
        "format": FORMAT,
        "config": asdict(split.config),
        "sources": label_sources(image for images in split.parts.values() for image in images),
        "left_out": split.left_out,
        "counts": {name: count_images(images) for name, images in split.parts.items()},
        "parts": {
            name: [{"image": image_key(image), "case": image.case, "slide": image.slide} for image in images]
            for name, images in split.parts.items()
        },
    }
    return write_hashed(document, path)


def read_manifest(path: Path) -> dict[str, str]:
    """Image key → part. Raises SplitRefused for what is no manifest, was changed by hand, or leaks."""
    document = read_hashed(path, FORMAT)
    part_of: dict[str, str] = {}
    seen: dict[str, str] = {}
    for part, rows in document["parts"].items():
        for row in rows:
            if seen.setdefault(row["case"], part) != part:
                raise SplitRefused(f"{path.name}: patient {row['case']} is in {seen[row['case']]} and in {part}.")
            part_of[row["image"]] = part
    return part_of


def write_hashed(document: dict, path: Path) -> str:
    """Writes a JSON object with `sha256`, the hash of all else in it. Returns the hash."""
    digest = digest_of(document)
    text = json.dumps(document | {"sha256": digest}, indent=1, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())
    return digest


def read_hashed(path: Path, form: str) -> dict:
    """A JSON object written by `write_hashed`. Raises SplitRefused where it is another file or was changed since."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SplitRefused(f"{path.name} is no manifest: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != form:
        raise SplitRefused(f"{path.name} is no manifest of the form {form!r}.")
    told = document.pop("sha256", None)
    if told != digest_of(document):
        raise SplitRefused(f"{path.name} was changed since it was written; make it again.")
    return document


def digest_of(document: dict) -> str:
    """SHA-256 of a JSON object, whatever its layout."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def label_sources(images: Iterable[LabelledImage]) -> list[dict[str, str]]:
    """The label files that images came from, by name and SHA-256."""
    files = {label.source or image.source for image in images for label in image.labels}
    rows = [{"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in files]
    return sorted(rows, key=lambda row: (row["file"], row["sha256"]))


def count_images(images: Iterable[LabelledImage]) -> dict[str, int]:
    """Images, patients and labels of each kind."""
    images = list(images)
    return {"images": len(images), "cases": len({image.case for image in images})} | count_kinds(images)


def _hint_in_brackets(word: str, known: Sequence[str]) -> str:
    """In brackets, which of the known words was probably meant, or nothing."""
    hint = meant(word, known).removeprefix("; ")
    return f" ({hint})" if hint else ""
