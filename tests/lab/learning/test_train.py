"""Training a candidate from the shipped version: it is a version, it goes on where it stopped, and it ends in words."""

import errno
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from analysis.lab.errors import CheckpointRefused, DatasetRefused, TrainingRefused
from analysis.lab.learning.data_set_folder import read_data_set, write_data_set
from analysis.lab.learning.train import train_candidate
from analysis.lab.learning.trainer import CandidateTrainer
from analysis.lab.train import checkpoint
from analysis.lab.train.interrupt import StopWished, TrainingStopped
from analysis.pipeline.cards.store import load_model
from tests.lab.train.conftest import data  # noqa: F401 a fixture

NAME = "hybrid-0.5+1"


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stop_at(wanted: int):
    def progress(step: int, steps: int, loss: float) -> None:
        if step == wanted:
            raise StopWished

    return progress


@pytest.fixture(scope="module")
def straight(tmp_path_factory, base, data_set):
    """A candidate made in one go."""
    from tests.lab.learning.conftest import TINY

    torch.set_num_threads(1)
    told = []
    out = tmp_path_factory.mktemp("straight") / "run"
    path = train_candidate(base, data_set, TINY, out, name=NAME, seed=3, tell=told.append, code="1.2")
    return path, told


def test_a_candidate_is_a_version_with_the_finder_of_its_base_and_its_lineage(straight, base, data_set):
    path, told = straight
    model = load_model(path)
    card, lineage = model.card, model.card.training["lineage"]
    assert (card.name, card.views, card.patch_px, card.finder) == (NAME, base.card.views, 100, base.card.finder)
    assert all(
        torch.equal(tensor, base.finder.state_dict()[name]) for name, tensor in model.finder.state_dict().items()
    )
    network = model.patch_network.state_dict()
    assert any(not torch.equal(tensor, network[name]) for name, tensor in base.patch_network.state_dict().items())
    assert lineage["base"] == {"name": base.name, "sha256": base.sha256}
    assert (lineage["data_set"]["hash"], lineage["seed"], lineage["code"]) == (data_set.hash, 3, "1.2")
    assert lineage["machine"]["threads"] == 1
    assert card.training["trained_on"] == base.card.training["trained_on"], "it has seen what its base has"
    assert card.metrics.keys() == {"held_out"}, "no metric of the base is quoted for it"
    assert card.metrics["held_out"]["held_out_by"] == "case"
    assert told == ["Reading the patches", "Training", "Threshold and temperature"]
    first, *others = map(json.loads, (path.parent / "curves.jsonl").read_text().splitlines())
    assert first["step"] == 0
    assert "base_average_precision" in first
    assert [line["step"] for line in others if "f1" in line] == [2]
    assert (path.parent / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(straight, base, data_set, recipe, tmp_path):
    with pytest.raises(TrainingStopped, match="stopped at step 1 of 2; the checkpoint is written"):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME, seed=3, progress=stop_at(1), code="1.2")
    seen = []
    again = train_candidate(
        base, data_set, recipe, tmp_path, name=NAME, seed=3, progress=lambda *told: seen.append(told[:2]), code="1.2"
    )
    assert seen == [(2, 2)]
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(straight[0].read_bytes()).digest()
    with pytest.raises(CheckpointRefused, match="another configuration .*seed 3 there, 4 here"):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME, seed=4)


def fail_at(monkeypatch, step: int, error: Exception, times: int = 1):
    """The trainer's step raises so many times from a step on."""
    take, left = CandidateTrainer.take_step, [times]

    def failing(self) -> float:
        if self.progress.step >= step and left[0]:
            left[0] -= 1
            raise error
        return take(self)

    monkeypatch.setattr(CandidateTrainer, "take_step", failing)


def test_out_of_memory_takes_half_batches_once_and_then_ends(base, data_set, recipe, tmp_path, monkeypatch):
    told = []
    fail_at(monkeypatch, 1, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(TrainingStopped):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME, tell=told.append, progress=stop_at(2))
    assert told[-2:] == ["Out of memory at batch 4; 2 at a time", "Training"]
    assert json.loads((tmp_path / "smaller_batch.json").read_text()) == {"from_step": 1}
    fail_at(monkeypatch, 0, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    (tmp_path / "checkpoint.safetensors").unlink()
    with pytest.raises(TrainingRefused, match="not enough memory at step 0, even for half a batch; it had no"):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME)


@pytest.mark.parametrize(
    ("error", "refused", "sentence"),
    [
        (
            RuntimeError("CUDA error: device lost"),
            TrainingRefused,
            "The GPU failed at step 1; the checkpoint",
        ),
        (
            OSError(errno.ENOSPC, "No space left"),
            CheckpointRefused,
            "no space for the run's files at step 1; the",
        ),
    ],
)
def test_what_a_machine_does_to_a_run_ends_it_in_words(
    base, data_set, recipe, tmp_path, monkeypatch, error, refused, sentence
):
    fail_at(monkeypatch, 1, error)
    with pytest.raises(refused, match=sentence):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME)
    assert load_file(tmp_path / "checkpoint.safetensors")["progress"][0] == 1


def test_a_full_disk_keeps_the_checkpoint_from_before(base, data_set, recipe, tmp_path, monkeypatch):
    write, written = checkpoint.write_atomically, []

    def full_after_one(path, content: bytes) -> None:
        if path.name == "checkpoint.safetensors":
            if written:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(content)
        write(path, content)

    monkeypatch.setattr(checkpoint, "write_atomically", full_after_one)
    with pytest.raises(CheckpointRefused, match=r"There is no space for .*checkpoint.*kept"):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == written[0]


def test_a_loss_that_is_no_number_ends_the_run(base, data_set, recipe, tmp_path):
    wild = replace(recipe, optimiser="sgd", lr=1e38, weight_decay=0.0)
    with pytest.raises(TrainingRefused, match="The loss became .* at step"):
        train_candidate(base, data_set, wild, tmp_path, name=NAME)


def test_a_data_set_that_changed_since_ends_the_run_and_one_class_never_begins(
    base, data_set, recipe, tmp_path, with_rows
):
    with pytest.raises(TrainingStopped):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME, progress=stop_at(1))
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "patches").symlink_to(data_set.folder / "patches")
    write_data_set(changed, "set-1", "the sheet", data_set.rows[:-2])
    with pytest.raises(CheckpointRefused, match="The data set has changed since this run began"):
        train_candidate(base, read_data_set(changed), recipe, tmp_path, name=NAME)
    mitoses = with_rows([row for row in data_set.rows if row.label == 1])
    with pytest.raises(DatasetRefused, match="holds mitoses alone"):
        train_candidate(base, mitoses, recipe, tmp_path / "never", name=NAME)
    assert not (tmp_path / "never").exists()


def test_replayed_windows_stand_among_the_others_as_the_share_says(base, data_set, recipe, tmp_path, data):  # noqa: F811
    from analysis.lab.learning.recipe import Original

    recipe = replace(recipe, original=Original(slides=("H03",), crops=("midog21",)))
    with pytest.raises(TrainingStopped):
        train_candidate(base, data_set, recipe, tmp_path, name=NAME, replay=data, replay_share=0.5, progress=stop_at(1))
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["replay_share"], config["slides"], config["crops"]) == (0.5, ["H03"], ["midog21"])
    log = (tmp_path / "log.txt").read_text()
    assert "'data set': {'mitosis'" in log
    assert "'H03': {'mitosis': 1" in log


def test_half_batches_add_up_to_the_gradient_of_the_whole(base, data_set, recipe):
    """In evaluation mode, where batch norms know no batch."""
    from analysis.lab.learning.sources import source_of_rows
    from analysis.lab.learning.trainer import config_of_run
    from analysis.lab.train.distributed import World

    own = source_of_rows(data_set, data_set.rows, "own")
    config = config_of_run("x", base, ("s", data_set.hash), recipe, 1, 0.0, ())
    found = []
    for parts in (1, 2):
        trainer = CandidateTrainer(config, base, own, own, [], data_set.folder.parent, World(), 3, parts)
        trainer.net.eval()
        trainer.optimiser.step = lambda: None
        trainer.take_step()
        found.append(np.concatenate([p.grad.flatten().numpy() for p in trainer.net.parameters()]))
    assert np.allclose(*found, atol=1e-4)


def test_the_weights_of_the_best_measurement_are_given(straight):
    path, _ = straight
    best, weights = load_file(path.parent / "best.safetensors"), load_file(path)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in best.items())
