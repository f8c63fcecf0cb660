"""python -m analysis.services.model_check PARENT_PID PATH…: are these files models that could be used?

Runs in a process that is closed in and bounded (`services.model_files`), since a file may be anything. No Django.
Answers one line of JSON: for each path what is known of the model, or a sentence why it is refused.
"""

import json
import sys
from pathlib import Path

from analysis.pipeline.canary import try_on_crops
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.errors import ModelRefused, PipelineRefused
from analysis.pipeline.networks import find_network
from slides.wsi.sandbox import limits, one_task

MEMORY_MB = 24 * 1024  # address space, most of it libraries of torch that are mapped and never touched
CPU_S = 120
# What OpenVINO and torch load where it is there, and do without: one opens a file in the account's home, the other has
# a compiler look for libraries. This process may do neither.
LEFT_OUT = ("openvino_telemetry", "cuda")


def check_model(path: Path) -> dict:
    """{"sha256", "name", "canary"} of a usable model, or {"refused": sentence}.

    What file and card say of themselves comes first; then the model has to find mitoses (`pipeline.canary`).
    """
    try:
        model = load_model(path)
        known = find_network(model.card.architecture).parameters
        if model.card.parameters != known:
            raise ModelRefused(f"The card says {model.card.parameters:,} parameters; its network has {known:,}.")
        report = try_on_crops(model)
    except PipelineRefused as refusal:
        return {"refused": str(refusal)}
    return {"sha256": model.sha256, "name": model.name, "canary": report.as_json()}


def main(arguments: list[str]) -> None:
    sys.modules.update(dict.fromkeys(LEFT_OUT))
    limits.limit_self(int(arguments[0]), MEMORY_MB, CPU_S)
    one_task.begin()
    answers = [check_model(Path(path)) for path in arguments[1:]]
    sys.stdout.write(json.dumps({"answers": answers, "peak_mb": peak_memory_mb()}))


def peak_memory_mb() -> int:
    """The most that this program has held. `getrusage` would count what its parent held when it started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


if __name__ == "__main__":
    main(sys.argv[1:])
