"""Files that somebody may bring as a model: some would run code where they are unpickled, some lie about what they
hold, some are weights that no network works with. Each is said with words of its refusal."""

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from django.conf import settings
from safetensors.numpy import load_file, save

SHIPPED = sorted(Path(settings.SHIPPED_MODELS).glob("*.safetensors"))[-1]


class Touch:
    """Unpickled, it writes the canary file. `how` is what it calls: scanners know some of these and miss others."""

    def __init__(self, how: Callable, *arguments) -> None:
        self.how, self.arguments = how, arguments

    def __reduce__(self):
        return self.how, self.arguments


class Hostile:
    """Writes them into a folder; `words` says for each file's name what its refusal must hold."""

    def __init__(self, folder: Path, canary: Path) -> None:
        self.folder, self.canary, self.words = folder, canary, {}
        self.card = json.loads(SHIPPED.with_suffix(".json").read_text())
        self.content = SHIPPED.read_bytes()
        (length,) = struct.unpack("<Q", self.content[:8])
        self.header, self.body = json.loads(self.content[8 : 8 + length]), self.content[8 + length :]
        self.first = next(name for name in self.header if name != "__metadata__")

    def write_all(self) -> dict[str, str]:
        self.folder.mkdir()
        for write in (self.pickles, self.containers, self.headers, self.tensors, self.values, self.cards):
            write()
        return self.words

    def add(self, name: str, words: str, content: bytes, size: int | None = None, **card) -> None:
        """A file with a card that fits it but for `card`. size: of one with a hole at its end, which takes no room."""
        path = self.folder / f"{name}.safetensors"
        path.write_bytes(content)
        if size is not None:
            os.truncate(path, size)
        with path.open("rb") as file:
            digest = "too large" if (size or 0) > 1 << 30 else hashlib.file_digest(file, "sha256").hexdigest()
        path.with_suffix(".json").write_text(json.dumps(self.card | {"name": name, "sha256": digest} | card))
        self.words[name] = words

    def add_header(self, name: str, words: str, header: object) -> None:
        """With a body of zeros as long as the true one, which no check comes to."""
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        self.add(name, words, struct.pack("<Q", len(text)) + text, 8 + len(text) + len(self.body))

    # Would run code ---------------------------------------------------------------------------------------------------
    def pickles(self) -> None:
        command = f"touch {self.canary}"
        system, write = pickle.dumps(Touch(os.system, command), 2), pickle.dumps(Touch(open, str(self.canary), "w"))
        self.add("pickle-os-system", "could run code", system)
        self.add("pickle-open", "could run code", write)
        self.add("pickle-exec", "could run code", pickle.dumps(Touch(exec, f"open({str(self.canary)!r}, 'w')"), 4))
        self.add("pickle-of-text", "no model of this program", pickle.dumps(Touch(os.system, command), 0))
        self.add("pickle-broken-behind", "could run code", system[:-1] + b"\x00broken" + b"X" * 64)
        self.add("pickle-gzip", "could run code", gzip.compress(system))
        self.add("pickle-like-a-header", "no safetensors file", b"\x80\x02" + bytes(6) + b"{" + system + bytes(700))
        self.add("torch-zip", "could run code", self.zip_of(system))
        self.add("torch-zip-bad-crc", "could run code", self.zip_of(system, crc=b"\xde\xad\xbe\xef"))
        self.add("torch-zip-said-encrypted", "could run code", self.zip_of(system, flags=b"\x01\x00"))
        self.add("torch-tar", "no model of this program", self.tar_of(system))

    def zip_of(self, data: bytes, crc: bytes = b"", flags: bytes = b"") -> bytes:
        """As torch writes it, with fields of the directory changed, at which scanners give up and torch does not."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
        content = bytearray(buffer.getvalue())
        entry = content.index(b"PK\x01\x02")
        content[entry + 16 : entry + 16 + len(crc)] = crc
        content[entry + 8 : entry + 8 + len(flags)] = flags
        return bytes(content)

    def tar_of(self, data: bytes) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("pickle")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()

    # Lie about what they hold -----------------------------------------------------------------------------------------
    def containers(self) -> None:
        archive = self.zip_of(pickle.dumps(Touch(os.system, f"touch {self.canary}")))
        self.add("empty", "too short", b"")
        self.add("seven-bytes", "too short", b"\x01" * 7)
        self.add("header-of-100-MB", "header would be 104,857,600", struct.pack("<Q", 100 << 20) + b"{", 100 << 20)
        self.add("header-without-end", "header would be 18,446", b"\xff" * 8 + b"{}")
        self.add("a-terabyte", "larger than any model", self.content[:100], 1 << 40)
        self.add("cut-off", "cut off", self.content[:-1000])
        self.add("more-behind", "something added", self.content + b"more")
        self.add("zip-behind", "archive at its end", self.content + archive)
        within = self.content[: -len(archive)] + archive
        self.add("zip-within-a-tensor", "archive at its end", within)

    def headers(self) -> None:
        names = list(self.header)
        twice = json.dumps(self.header)[:-1] + f", {json.dumps({names[-1]: self.header[names[-1]]})[1:]}"
        self.add_header("header-no-json", "header cannot be read", b"{'a': 1}")
        self.add_header("header-nested", "header cannot be read", b"[" * 300_000)
        self.add_header("header-a-list", "header cannot be read", [1, 2])
        self.add_header("header-a-name-twice", "header cannot be read", twice.encode())
        self.add_header("header-of-words", "header cannot be read", {self.first: {"shape": "wide", "dtype": 3}})
        spans = {name: entry["data_offsets"] for name, entry in self.header.items() if name != "__metadata__"}
        large = max(spans, key=lambda name: spans[name][1] - spans[name][0])
        same = next(
            name for name in spans if name != large and self.header[name]["shape"] == self.header[self.first]["shape"]
        )
        self.add_header("offsets-overlap", "broken safetensors file", self.changed(same, data_offsets=spans[large]))
        self.add_header(
            "offsets-backwards", "broken safetensors file", self.changed(large, data_offsets=spans[large][::-1])
        )
        below = [spans[self.first][0] - 64, spans[self.first][1] - 64]
        self.add_header("offsets-below-zero", "safetensors file", self.changed(self.first, data_offsets=below))

    def changed(self, name: str, **entry) -> dict:
        return self.header | {name: self.header[name] | entry}

    # Another network --------------------------------------------------------------------------------------------------
    def tensors(self) -> None:
        shape, dtype = self.header[self.first]["shape"], self.header[self.first]["dtype"]
        self.add_header("shape-wrong", "wrong shape", self.changed(self.first, shape=[*shape, 1]))
        self.add_header("shape-beyond-all-numbers", "wrong shape", self.changed(self.first, shape=[2**40, 2**40]))
        self.add_header("type-wrong", "wrong type", self.changed(self.first, dtype="I32" if dtype == "F32" else "F32"))
        others = {name: entry for name, entry in self.header.items() if name != self.first}
        self.add_header("tensor-missing", "is missing", others)
        self.add_header("tensor-extra", "does not belong in it", self.header | {"extra": self.header[self.first]})

    # Weights that no network works with -------------------------------------------------------------------------------
    def values(self) -> None:
        tensors = load_file(SHIPPED)
        floats = [name for name, tensor in tensors.items() if tensor.dtype.kind == "f"]
        head = [name for name in floats if name.startswith("head.3")]
        some = np.random.default_rng(7)

        def changed(names: list[str], change: Callable) -> bytes:
            return save(tensors | {name: change(tensors[name]).astype(np.float32) for name in names})

        def spoilt(value: float) -> Callable:
            return lambda tensor: np.concatenate([[value], tensor.ravel()[1:]]).reshape(tensor.shape)

        self.add("not-a-number", "no numbers", changed(floats[:1], spoilt(np.nan)))
        self.add("infinite", "no numbers", changed(floats[-1:], spoilt(np.inf)))
        self.add("beyond-all-measure", "beyond 1,000,000", changed(floats[:1], spoilt(1e30)))
        self.add("all-zero", "nothing but zeros", changed(floats, np.zeros_like))
        self.add("constant", "the same of every picture", changed(head, np.zeros_like))
        self.add("the-other-way-round", "does not tell mitoses", changed(head, np.negative))
        self.add("shuffled", "mitoses", changed(
            [name for name in floats if tensors[name].ndim == 4 and not name.startswith("finder.")],
            lambda tensor: some.permutation(tensor.ravel()).reshape(tensor.shape),
        ))  # fmt: skip

    # Cards ------------------------------------------------------------------------------------------------------------
    def cards(self) -> None:
        self.add("card-of-another-file", "SHA-256 differs", self.content, sha256="0" * 64)
        self.add("card-architecture-unknown", "does not know", self.content, architecture="../../evil")
        self.add("card-not-a-number", "a number that is none", self.content, threshold=float("nan"))
        self.add("card-lies-about-size", "The card says 1 parameters", self.content, parameters=1)
        self.add("card-calls-everything", "calls 100", self.content, threshold=0.0, floor=0.0)
        self.add("card-nested", "cannot be read", self.content)
        (self.folder / "card-nested.json").write_bytes(b"[" * 300_000)
        self.add("card-missing", "is missing", self.content)
        (self.folder / "card-missing.json").unlink()
        eager = self.card["finder"] | {"threshold": -1000.0, "least_per_mm2": 0.0, "peak_um": 2.0}
        self.add("card-names-every-place", "places per mm²", self.content, finder=eager)
