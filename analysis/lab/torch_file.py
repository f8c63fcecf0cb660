"""python -m analysis.lab.torch_file PARENT_PID FILE OUT: the tensors of a file of torch.save, written as safetensors.

The one place that opens a pickle of others, and only by torch's own reader of tensors (`weights_only=True`), without
falling back on any other; in a process that is closed in and bounded (`mitosis convert`), since that reader was broken
before (CVE-2025-32434, CVE-2026-24747).
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slides.wsi.sandbox import limits, one_task

MEMORY_MB = 24 * 1024  # address space, most of it torch's libraries
CPU_S = 120
WRITE_BYTES = 384 << 20
LEAST_TORCH = (2, 10)
WRAPPED = ("state_dict", "model_state_dict", "model")  # what others lay their tensors under


def convert(path: Path, out: Path) -> dict[str, Any]:
    """{"tensors": how many}, or {"refused": what is wrong, to follow the file's name}."""
    import torch
    from safetensors.torch import save_file

    if tuple(map(int, torch.__version__.split(".")[:2])) < LEAST_TORCH:
        return {"refused": f"is not opened: torch {torch.__version__} reads such files unsafely; 2.10 is the least."}
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:  # noqa: BLE001 (a hostile file raises anything, and all of it is a refusal)
        return {"refused": f"is no file of tensors alone, so it is not opened ({type(error).__name__})."}
    for name in WRAPPED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not found:
        return {"refused": "holds no tensors by name."}
    wrong = [name for name, value in found.items() if not (isinstance(name, str) and isinstance(value, torch.Tensor))]
    if wrong:
        return {"refused": f"holds something else than tensors, first {str(wrong[0])[:80]!r}."}
    # Copies, since safetensors takes no two names for one memory.
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in found.items()}, out)
    return {"tensors": len(found)}


def main(arguments: list[str]) -> None:
    parent, path, out = arguments
    sys.modules["cuda"] = None  # type: ignore[assignment]  # torch does without; it has a compiler look for libraries
    tempfile.tempdir = str(Path(out).parent)
    limits.limit_self(int(parent), MEMORY_MB, CPU_S, WRITE_BYTES)
    one_task.begin()
    sys.stdout.write(json.dumps(convert(Path(path), Path(out))))


if __name__ == "__main__":
    main(sys.argv[1:])
