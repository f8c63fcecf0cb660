"""Model files: weights as safetensors with a card beside them, and nothing else.

A file is untrusted until its header, names, shapes, types, values and hash are those of the architecture that the card
names. Pickles (.pt, .pth, .pkl) can run code when they are opened and are refused by their content, whatever they are
called.
"""

import hashlib
import json
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from analysis.pipeline.cards.card import Card, read_card
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.networks import INSTALL, PATCH_CLASSIFIER, Network, find_network, releasable_networks

if TYPE_CHECKING:
    from torch import nn

    from analysis.pipeline.networks.finder import FinderNet
    from analysis.pipeline.networks.image_detector import ImageDetector
    from analysis.pipeline.networks.patch_classifier import PatchClassifier

__all__ = ["Card", "Model", "ModelFile", "ModelRefused", "find_model", "list_models", "load_model", "read_card"]

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
# The largest network that is registered, in float32, with room.
MAX_FILE_BYTES = 384 << 20
MAX_HEADER_BYTES = 1 << 20
# Before the names of the first stage's tensors, which share the file with the network's.
FINDER = "finder."
# Beyond it no weight of a network that works lies; those that come with the program stay below 520.
MOST = 1e6
ZIP_END, ZIP_END_BYTES, MAX_ZIP_COMMENT = b"PK\x05\x06", 22, 0xFFFF
DTYPES = {"torch.float32": "F32", "torch.int64": "I64"}


@dataclass(frozen=True)
class Model:
    """Networks with the card they came with. `sha256` is of the weights file, which holds both. `tensors` are those of
    the file by their names there; torch's networks are made of them when they are asked for, since OpenVINO needs none.
    """

    name: str
    sha256: str
    card: Card
    made_network: "PatchClassifier | ImageDetector | None" = None
    made_finder: "FinderNet | None" = None
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def network(self) -> "PatchClassifier | ImageDetector":
        """In evaluation mode on the CPU."""
        entry = find_network(self.card.architecture)
        made = self.made_network or _load_tensors(entry.build(self.card.stem_activation), self.tensors)
        return cast("PatchClassifier | ImageDetector", made)

    @cached_property
    def finder(self) -> "FinderNet | None":
        """The same; None where candidates come from haematoxylin alone."""
        if self.card.finder is None:
            return self.made_finder
        made = self.made_finder or _load_tensors(find_network("finder").build(), self.tensors, FINDER)
        return cast("FinderNet", made)

    @property
    def patch_network(self) -> "PatchClassifier":
        """The network that scores a patch. Raises ModelRefused for one that looks at whole images."""
        if find_network(self.card.architecture).kind != PATCH_CLASSIFIER:
            raise ModelRefused(f"{self.name} looks at whole images and scores no patch.")
        return cast("PatchClassifier", self.network)


@dataclass(frozen=True)
class ModelFile:
    """A model version at hand, not loaded."""

    name: str
    path: Path
    sha256: str
    card: Card


def list_models(folder: Path = WEIGHTS) -> list[ModelFile]:
    """The versions of a folder, lowest first. Loads no network. Raises ModelRefused for a broken one."""
    found = []
    for path in sorted(folder.glob("*.safetensors"), key=_by_version):
        card = read_card(path.with_suffix(".json"))
        digest = hashlib.sha256(_read(path)).hexdigest()
        _same_hash(card, digest, path.name)
        found.append(ModelFile(card.name, path, digest, card))
    return found


def _by_version(path: Path) -> list[tuple[int, str]]:
    """Names with their numbers as numbers, so that hybrid-0.10 comes after hybrid-0.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.stem)]


def find_model(name_or_path: str, folder: Path = WEIGHTS) -> Path:
    """The weights file of a shipped version's name, or of a path. Raises ModelRefused, naming what there is."""
    shipped = folder / f"{name_or_path}.safetensors"
    if shipped.is_file():
        return shipped
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = ", ".join(file.stem for file in sorted(folder.glob("*.safetensors"))) or "none"
    raise ModelRefused(f"There is no model {name_or_path}; at hand: {names}.")


def load_model(path: Path) -> Model:
    """Loads weights and card. Raises ModelRefused with a sentence for anything that is not exactly right."""
    content = _read(path)
    _check_container(content, path.name)
    card = read_card(path.with_suffix(".json"))
    digest = hashlib.sha256(content).hexdigest()
    _same_hash(card, digest, path.name)
    return Model(card.name, digest, card, tensors=_checked_tensors(content, card, path.name))


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would never end
            raise ModelRefused(f"{path.name} is no file.")
        if found.st_size > MAX_FILE_BYTES:
            raise ModelRefused(f"{path.name} is larger than any model of this program ({found.st_size >> 20} MB).")
        return path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{path.name} cannot be read: {error.strerror}.") from error


def _same_hash(card: Card, digest: str, name: str) -> None:
    if card.sha256 != digest:
        raise ModelRefused(f"{name} is not the file its card was written for: the SHA-256 differs.")


def _check_container(content: bytes, name: str) -> None:
    """Refuses what is no safetensors file before any library parses it."""
    # Byte 8 decides, since the length before it may begin with any byte, a pickle's first one included.
    if content[8:9] != b"{" and content.startswith((b"PK", b"\x80", b"\x1f\x8b")):
        raise ModelRefused(f"{name} is a pickle or an archive, which could run code; only safetensors files are used.")
    if len(content) < 8:
        raise ModelRefused(f"{name} is no safetensors file: it is too short.")
    (length,) = struct.unpack("<Q", content[:8])
    if length > MAX_HEADER_BYTES:
        raise ModelRefused(f"{name} is no model of this program: its header would be {length:,} bytes long.")
    if len(content) < 8 + length:
        raise ModelRefused(f"{name} is cut off within its header.")
    if _ends_as_zip(content):
        raise ModelRefused(f"{name} is an archive at its end, which could hide what else it holds.")


def _ends_as_zip(content: bytes) -> bool:
    """Whether what unpacks archives would take it for one: the last record of a zip, with a comment up to the end."""
    tail = content[-(ZIP_END_BYTES + MAX_ZIP_COMMENT) :]
    at = tail.rfind(ZIP_END)
    while at >= 0:
        if at + ZIP_END_BYTES + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail):
            return True
        at = tail.rfind(ZIP_END, 0, at)
    return False


def _header(content: bytes, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    (length,) = struct.unpack("<Q", content[:8])
    try:
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_without_repeats)
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        described = {key: (tuple(entry["shape"]), entry["dtype"]) for key, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise ModelRefused(f"{name} is no safetensors file: its header cannot be read.") from error
    if len(content) != 8 + length + end:
        raise ModelRefused(f"{name} is cut off or has something added: its size is not what its header says.")
    return described


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two readers may take either of two entries of one name: then nobody knows what was checked."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _checked_tensors(content: bytes, card: Card, name: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    entry = _network_of(card, name)
    expected = expected_tensors(entry, card.stem_activation)
    if card.finder:
        expected |= {FINDER + key: known for key, known in expected_tensors(find_network("finder")).items()}
    _check_header(_header(content, name), expected, name)
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ModelRefused(f"{name} is a broken safetensors file: {error}.") from error
    _check_values(tensors, name)
    return tensors


def _check_values(tensors: Mapping[str, np.ndarray], name: str) -> None:
    """Numbers that a network could work with; whether it does is `pipeline.canary`'s to say."""
    for key, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelRefused(f"{name} holds values that are no numbers, first in {key}.")
        if tensor.dtype.kind == "f" and tensor.size and np.abs(tensor).max() > MOST:
            raise ModelRefused(f"{name} holds values beyond {MOST:,.0f}, first in {key}; no network works with those.")
    if not any(tensor.any() for tensor in tensors.values() if tensor.dtype.kind == "f"):
        raise ModelRefused(f"{name} holds nothing but zeros.")


def _network_of(card: Card, name: str) -> Network:
    """What the card names. Raises ModelRefused for what is not known or not installed, and for what does not go with
    it.
    """
    entry = find_network(card.architecture) if card.architecture in releasable_networks() else None
    if entry is None or (entry.stem_activations and card.stem_activation not in entry.stem_activations):
        raise ModelRefused(
            f"{name} is a network this version does not know ({card.architecture}, {card.stem_activation})."
        )
    if card.patch_px < entry.input.least_px:
        raise ModelRefused(f"{name} takes patches of {card.patch_px} px; {entry.name} needs {entry.input.least_px}.")
    if missing := entry.missing_packages():
        raise ModelRefused(f"{name} is a {entry.name}, which needs {' and '.join(missing)}: {INSTALL}.")
    if card.finder and entry.kind != PATCH_CLASSIFIER:
        raise ModelRefused(f"{name} is a {entry.name}, which finds by itself and takes no finder.")
    return entry


def expected_tensors(entry: Network, stem_activation: str = "") -> dict[str, tuple[tuple[int, ...], str]]:
    """Names, shapes and types of a network's tensors; of one with a graph known without torch."""
    if entry.graph is not None:
        from analysis.pipeline.networks import graphs

        return graphs.expected_tensors(entry.graph(stem_activation))
    import torch

    with torch.device("meta"):  # shapes alone: some have seventy million parameters
        state = entry.build(stem_activation).state_dict()
    return {key: (tuple(tensor.shape), DTYPES[str(tensor.dtype)]) for key, tensor in state.items()}


def _load_tensors(network: "nn.Module", tensors: Mapping[str, np.ndarray], prefix: str = "") -> "nn.Module":
    """Of those of a file that begin with the prefix, a finder's belonging to no other network."""
    import torch

    own = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
    state = {key: torch.from_numpy(tensor) for key, tensor in own.items() if not key.startswith(FINDER)}
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _check_header(found: dict, expected: dict, name: str) -> None:
    """Names, shapes and types must be the architecture's."""
    missing, surplus = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or surplus:
        what = f"{missing[0]} is missing" if missing else f"{surplus[0]} does not belong in it"
        raise ModelRefused(f"{name} is not the network its card names: {what}.")
    for key, (wanted, wanted_dtype) in expected.items():
        shape, dtype = found[key]
        if shape != wanted:
            raise ModelRefused(f"{name} has the wrong shape in {key}: {shape} instead of {wanted}.")
        if dtype != wanted_dtype:
            raise ModelRefused(f"{name} has the wrong type in {key}: {dtype}.")
