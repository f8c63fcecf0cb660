"""python -m analysis.services.model_check PATH: is this file a model that could be used? Answers one line of JSON.

Runs in a limited child process (services.model_versions), since the file may be anything. No Django.
"""

import json
import sys
from pathlib import Path


def check_model(path: Path) -> dict:
    """{"sha256", "name", "parameters"} of a usable model, or {"refused": sentence}."""
    from analysis.pipeline.cards.store import ModelRefused, load_model

    try:
        model = load_model(path)  # what is no model file is refused before torch is loaded
    except ModelRefused as refusal:
        return {"refused": str(refusal)}
    import torch

    torch.set_num_threads(1)
    side = model.card.patch_px
    grey = torch.linspace(-2, 2, 3 * side * side).reshape(1, 3, side, side)
    with torch.inference_mode():
        found = model.network(grey)
    # A patch's two logits; or, of a network that looks at whole images, places and how sure each is.
    numbers = torch.cat([part.flatten() for part in found]) if isinstance(found, tuple) else found
    fits = isinstance(found, tuple) or found.shape == (1, 2)
    if not fits or not torch.isfinite(numbers).all():
        return {"refused": f"{path.name} gives no numbers for a picture, so it is of no use."}
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    return {"sha256": model.sha256, "name": model.name, "parameters": parameters}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(check_model(Path(sys.argv[1]))) + "\n")
