"""The child that works counts out for web processes, whose threads others need: tasks on stdin, answers on stdout.

    python -m analysis.pipeline.count.child PARENT_PID

It ends when stdin closes, when its parent dies, or after an error that it did not expect. It opens no file of a slide.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.pipeline.count.outlook import Outlook, OutlookInterval, OutlookTask, SearchMemory, work_out
from analysis.pipeline.count.protocols import Cutoff
from analysis.pipeline.count.search import Found, Frame
from analysis.pipeline.count.shapes import Shape
from analysis.pipeline.errors import PipelineRefused
from slides.wsi.sandbox import limits, wire

MEMORY_MB = 4096
ARRAYS = ("points_l0", "counted", "state", "probability")
RINGS = ("tissue", "tumour")
NUMBERS = ("alternates", "wants_interval", "most_next", "seconds", "draw_seconds")


def main(parent_pid: int) -> None:
    limits.limit_self(parent_pid, MEMORY_MB, None)
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    wire.write_all(answers, wire.pack({"ready": True}))
    memory = SearchMemory()
    while True:
        try:
            header, body = wire.unpack(_read_exactly)
        except EOFError:
            return
        try:
            text = json.dumps(asdict(work_out(unpack_task(header, body), memory)), default=_as_plain)
            message = wire.pack({}, text.encode())
        except PipelineRefused as refused:
            message = wire.pack({"refused": str(refused)})
        wire.write_all(answers, message)


def pack_task(task: OutlookTask) -> bytes:
    """One message. Corners of outlines go as arrays: a slide's tissue can have some hundred thousand."""
    arrays = {name: getattr(task, name) for name in ARRAYS}
    for name in RINGS:
        rings = getattr(task, name)
        if rings is not None:
            arrays[f"{name}_many"] = np.array([len(ring) for ring in rings], np.int64)
            corners = [np.asarray(ring, float).reshape(-1, 2) for ring in rings]
            arrays[f"{name}_l0"] = np.concatenate([np.zeros((0, 2)), *corners])
    header: dict[str, Any] = {"shape": asdict(task.shape), "frame": asdict(task.frame)}
    header |= {"cutoffs": [[cutoff.score, cutoff.from_count] for cutoff in task.cutoffs]}
    header |= {name: getattr(task, name) for name in NUMBERS}
    body = io.BytesIO()
    np.savez(body, **arrays)
    return wire.pack(header, body.getvalue())


def unpack_task(header: dict[str, Any], body: bytes) -> OutlookTask:
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    rings: dict[str, Any] = {}
    for name in RINGS:
        ends = arrays[f"{name}_many"].cumsum() if f"{name}_many" in arrays else None
        rings[name] = None if ends is None else np.split(arrays[f"{name}_l0"], ends)[:-1]
    return OutlookTask(
        **{name: arrays[name] for name in ARRAYS},
        **rings,
        shape=Shape(**header["shape"]),
        cutoffs=tuple(Cutoff(score, start) for score, start in header["cutoffs"]),
        frame=Frame(**header["frame"]),
        **{name: header[name] for name in NUMBERS},
    )


def unpack_answer(body: bytes) -> Outlook:
    row = json.loads(body)
    for region in row["regions"]:
        region["fields_l0"] = region["fields_l0"] and [(x, y) for x, y in region["fields_l0"]]
    row["regions"] = [Found(**region) for region in row["regions"]]
    row["next"] = [(index, effect) for index, effect in row["next"]]
    row["interval"] = row["interval"] and OutlookInterval(**row["interval"])
    row["mask_cell_um"] = row["mask_cell_um"] and tuple(row["mask_cell_um"])
    return Outlook(**row | {"late": tuple(row["late"])})


def _as_plain(value: Any) -> Any:
    """A number of numpy as Python's."""
    return value.item()


def read_exactly(read: Callable[[int], bytes], count: int) -> bytes:
    """`count` bytes of a pipe; EOFError where it ends before."""
    parts = []
    while count:
        part = read(min(count, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _read_exactly(count: int) -> bytes:
    return read_exactly(lambda most: os.read(sys.stdin.fileno(), most), count)


if __name__ == "__main__":
    main(int(sys.argv[1]))
