"""`mitosis convert`: a torch file (.pt) and a card become weights of this program, in a process that is closed in."""

import argparse
import hashlib
import json
import tempfile
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import say
from analysis.lab import torch_file
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import MAX_CARD_BYTES
from analysis.pipeline.cards.store import MAX_FILE_BYTES, ModelRefused, load_model
from slides.wsi.sandbox import one_task

WALL_S = 300
CODE = Path(__file__).resolve().parents[1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.pt", help="what torch.save wrote: a state dict of tensors")
    parser.add_argument("--card", type=Path, required=True, help="the card (JSON); its hash is written anew")
    parser.add_argument("--out", type=Path, required=True, metavar="X.safetensors", help="must not be there yet")


def run(arguments: Namespace) -> int:
    """Writes X.safetensors and X.json. Raises ModelRefused; then neither is there."""
    out = arguments.out.with_suffix(".safetensors")
    card_out = out.with_suffix(".json")
    for path in (out, card_out):
        if path.exists():
            raise ModelRefused(f"{path} is there already; name another file.")
    card = _read_plain(arguments.card)
    content = _convert(arguments.file)
    card["sha256"] = hashlib.sha256(content).hexdigest()
    try:
        write_atomically(out, content)
        write_atomically(card_out, (json.dumps(card, indent=1) + "\n").encode())
        load_model(out)
    except BaseException:
        out.unlink(missing_ok=True)
        card_out.unlink(missing_ok=True)
        raise
    say(f"{out}: {len(content):,} bytes, {card['sha256'][:12]}. Its card is {card_out.name}.")
    return 0


def _read_plain(path: Path) -> dict:
    """The card as it is; `load_model` checks it beside the weights."""
    if path.stat().st_size > MAX_CARD_BYTES:
        raise ModelRefused(f"The card {path.name} is larger than a card can be.")
    try:
        plain = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"The card {path.name} cannot be read: {error}.") from error
    if not isinstance(plain, dict):
        raise ModelRefused(f"The card {path.name} cannot be read: it holds no names with values.")
    return plain


def _convert(path: Path) -> bytes:
    """The weights as safetensors, made by the child. Raises ModelRefused."""
    if path.is_symlink() or not path.is_file():
        raise ModelRefused(f"{path} is no file.")
    if path.stat().st_size > 2 * MAX_FILE_BYTES:
        raise ModelRefused(f"{path} is larger than any model of this program.")
    with tempfile.TemporaryDirectory(prefix="mitosis-convert-") as folder:
        made = Path(folder).resolve() / "weights.safetensors"
        try:
            asked = [str(path.resolve()), str(made)]
            said = one_task.answer_of(torch_file.__name__, asked, [CODE, path.resolve()], made.parent, WALL_S)
        except one_task.ChildFailed as failed:
            raise ModelRefused(f"{path.name} could not be converted: the process that read it ended early.") from failed
        if "refused" in said:
            raise ModelRefused(f"{path.name} {said['refused']}")
        return made.read_bytes()
