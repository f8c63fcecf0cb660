"""`mitosis convert`: a torch file becomes weights of the program; one that would run code does not."""

import json
import os
import pickle

import pytest
import torch

from analysis.commands.cli import main
from analysis.pipeline.cards.store import load_model
from tests.analysis.hostile_models import SHIPPED, Hostile, Touch


def convert(path, out) -> int:
    return main(["convert", str(path), "--card", str(SHIPPED.with_suffix(".json")), "--out", str(out)])


def test_a_torch_file_becomes_the_same_weights_with_a_card_that_fits(tmp_path, capsys):
    model, path = load_model(SHIPPED), tmp_path / "theirs.pt"
    state = {name: torch.from_numpy(tensor.copy()) for name, tensor in model.tensors.items()}
    torch.save({"state_dict": state, "epoch": 3}, path)
    out = tmp_path / "ours.safetensors"
    assert convert(path, out) == 0
    made = load_model(out)
    assert made.tensors.keys() == model.tensors.keys()
    assert all((made.tensors[name] == tensor).all() for name, tensor in model.tensors.items())
    assert json.loads(out.with_suffix(".json").read_text())["name"] == SHIPPED.stem
    assert convert(path, out) == 1
    assert "is there already" in capsys.readouterr().err


def hostile_files(folder, canary) -> dict[str, bytes]:
    made = Hostile(folder, canary)
    system = pickle.dumps(Touch(os.system, f"touch {canary}"), 2)
    return {
        "plain": system,
        "opened": pickle.dumps(Touch(open, str(canary), "w"), 2),
        "executed": pickle.dumps(Touch(exec, f"open({str(canary)!r}, 'w')"), 4),
        "zipped": made.zip_of(system),
        "with a bad CRC": made.zip_of(system, crc=b"\xde\xad\xbe\xef"),
        "said to be encrypted": made.zip_of(system, flags=b"\x01\x00"),
        "in a tar": made.tar_of(system),
        "cut off": system[:-3],
    }


def test_no_pickle_that_would_run_code_is_converted(tmp_path, capsys):
    from analysis.lab import torch_file

    canary, out = tmp_path / "canary", tmp_path / "out.safetensors"
    # One whole way through the child; the others by the same function, whose reader is what refuses them.
    files = hostile_files(tmp_path, canary)
    for name, content in files.items():
        path = tmp_path / f"{name}.pt"
        path.write_bytes(content)
        assert "refused" in torch_file.convert(path, out), name
    assert convert(path, out) == 1
    assert "is not opened" in capsys.readouterr().err
    assert not canary.exists() and not out.exists(), "code in a file was run, or something was left"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "no tensors by name"),
        ({"a": 3}, "something else than tensors"),
        ({"a": torch.zeros(2)}, "is not the network its card names"),
    ],
)
def test_what_is_no_network_of_the_card_is_refused_and_nothing_is_left(tmp_path, content, words, capsys):
    path, out = tmp_path / "theirs.pt", tmp_path / "out.safetensors"
    torch.save(content, path)
    assert convert(path, out) == 1
    assert words in capsys.readouterr().err
    assert not out.exists() and not out.with_suffix(".json").exists()
