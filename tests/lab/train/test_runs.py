"""Training on a small made-up data folder: whether it learns is the real model's figures; here it stops and goes on."""

import io
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from analysis.commands import cli
from analysis.commands import train as command
from analysis.lab import train as training
from analysis.lab.errors import ConfigRefused
from analysis.lab.train import Stage, TrainConfig, TrainingStopped, trainer
from analysis.pipeline.cards.store import load_model


def same_weights(one, other, atol: float = 1e-5) -> bool:
    left, right = load_file(one), load_file(other)
    assert left.keys() == right.keys()
    return all(torch.allclose(left[name], right[name], atol=atol) for name in left)


@pytest.mark.timeout(300)  # two starts of torch; seconds when the machine is free
def test_a_training_killed_in_the_middle_goes_on_to_the_same_weights(data, config_file, tmp_path):
    config = TrainConfig.from_toml(config_file)
    straight = training.train_network(config, data, tmp_path / "straight")
    runs = tmp_path / "killed"
    options = ["--data", data, "--runs", runs, "--threads", "1"]
    command_line = [sys.executable, "-m", "analysis.commands", "train", config_file, *options]
    child = subprocess.Popen(list(map(str, command_line)), stderr=subprocess.DEVNULL)
    checkpoint = runs / "micro" / "checkpoint.safetensors"
    while child.poll() is None and not (checkpoint.exists() and load_file(checkpoint)["progress"][0] >= 3):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (runs / "micro" / "weights.safetensors").exists()
    assert "sources: {'H03'" in (runs / "micro" / "log.txt").read_text()
    resumed = training.train_network(config, data, runs)
    assert "resumed at step" in (runs / "micro" / "log.txt").read_text()
    assert same_weights(straight, resumed)
    one, other = (json.loads((run.parent / "curves.jsonl").read_text()) for run in (straight, resumed))
    assert one == pytest.approx(other, abs=1e-4)


def test_a_finished_run_is_not_trained_again(data, config, tmp_path):
    weights = training.train_network(config, data, tmp_path)
    before = weights.stat().st_mtime_ns
    assert training.train_network(config, data, tmp_path).stat().st_mtime_ns == before


def test_a_finished_run_says_what_it_was_and_its_weights_can_be_used(data, config, tmp_path):
    weights = training.train_network(replace(config, stages=(Stage(32, 2),), mine_at=()), data, tmp_path)
    facts = json.loads(weights.with_name("run.json").read_text())
    assert facts["config"]["name"] == "micro"
    assert facts["counts"]["H03"]["mitosis"] == 1
    assert facts["processes"] == 1
    assert {"data_sha256", "seconds", "threads", "steps_done", "unreadable"} <= facts.keys()
    assert facts["software"]["torch"] == torch.__version__
    model = load_model(weights)
    assert model.card.training["config"]["batch"] == 4
    assert "placeholders" in model.card.notes
    assert weights.with_name("curves.png").read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_keeps_a_checkpoint_and_the_run_goes_on_to_the_same_weights(data, config, tmp_path):
    def interrupt(step: int, loss: float) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingStopped, match="stopped at step 3 of 8; the checkpoint is written"):
        training.train_network(replace(config, checkpoint_every=100), data, tmp_path / "stopped", watch=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = training.train_network(replace(config, checkpoint_every=100), data, tmp_path / "stopped")
    assert same_weights(
        resumed, training.train_network(replace(config, checkpoint_every=100), data, tmp_path / "straight")
    )


def test_ctrl_c_at_the_command_line_says_how_to_go_on(data, config_file, tmp_path, monkeypatch, capsys):
    @contextmanager
    def interrupting(config, shown):
        yield lambda step, loss: signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "progress_bar", interrupting)
    status = cli.main(["train", str(config_file), "--data", str(data), "--runs", str(tmp_path / "runs")])
    assert status == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert (tmp_path / "runs" / "micro" / "checkpoint.safetensors").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("kind", "shown"), [(Terminal, True), (io.StringIO, False)])
def test_a_terminal_sees_how_far_a_run_is_and_a_file_does_not(config, monkeypatch, kind, shown):
    monkeypatch.setattr(sys, "stderr", kind())
    with command.progress_bar(config) as watch:
        for step in (4, 5, 8):
            watch(step, 0.5)
    assert ("8/8" in sys.stderr.getvalue()) == shown
    assert ("micro" in sys.stderr.getvalue()) == shown


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
def test_every_optimiser_goes_on_where_it_was(data, config, tmp_path, optimiser):
    config = replace(config, optimiser=optimiser, stages=(Stage(32, 4),), mine_at=(), start="random")
    straight = training.train_network(config, data, tmp_path / "straight")

    def interrupt(step: int, loss: float) -> None:
        if step == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(TrainingStopped):
        training.train_network(config, data, tmp_path / "stopped", watch=interrupt)
    assert same_weights(straight, training.train_network(config, data, tmp_path / "stopped"))


@pytest.mark.parametrize("key", ["start", "finder"])
def test_a_slide_that_a_run_before_has_seen_cannot_validate(data, config, tmp_path, key):
    for name, facts in {"final": {"slides": ["H07"], "start": "base"}, "base": {"slides": ["H04"]}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"config": facts}))
    config = replace(config, validation="H04", **{key: "final"})
    with pytest.raises(ConfigRefused, match="H04 cannot validate micro: final was trained on H04"):
        training.train_network(config, data, tmp_path)
    assert not (tmp_path / "micro").exists()
    (tmp_path / "base" / "run.json").unlink()
    with pytest.raises(ConfigRefused, match="no record at hand of what base was trained on"):
        training.train_network(config, data, tmp_path)


def test_a_finished_run_records_what_the_runs_before_it_had_seen(data, config, tmp_path):
    first = replace(config, name="first", slides=("H04",), stages=(Stage(32, 1),), mine_at=())
    training.train_network(first, data, tmp_path)
    weights = training.train_network(replace(first, name="second", slides=("H03",), start="first"), data, tmp_path)
    assert json.loads(weights.with_name("run.json").read_text())["trained_on"] == ["H03", "H04"]
    assert load_model(weights).card.training["trained_on"] == ["H03", "H04"]


def test_the_papers_recipe_trains(data, config, tmp_path):
    paper = replace(
        config, sampling="patches", augmentation="paper", weighted_loss=True, mine_at=(), optimiser="adam", ema=0.0
    )
    weights = training.train_network(replace(paper, stages=(Stage(32, 2),)), data, tmp_path)
    checkpoint = load_file(tmp_path / "micro" / "checkpoint.safetensors")
    # Without a running average the run gives what it trained.
    assert all(torch.equal(tensor, checkpoint[f"net.{name}"]) for name, tensor in load_file(weights).items())


def test_a_run_stops_early_and_gives_the_weights_of_its_best_validation(data, config, tmp_path, monkeypatch):
    figures, seen = iter([0.3, 0.5, 0.4, 0.45, 0.9]), []

    def scripted(network, source, px, device):
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return {"validation_loss": 1.0, "average_precision": next(figures), "f1": 0.5}

    monkeypatch.setattr(trainer, "patch_summary", scripted)
    config = replace(config, mine_at=(), validation="H04", validate_every=1, patience=2)
    weights = training.train_network(config, data, tmp_path)
    facts = json.loads(weights.with_name("run.json").read_text())
    assert facts["steps_done"] == 4
    assert facts["validation"] == {"average_precision": 0.5, "at_step": 2}
    assert all(torch.equal(tensor, seen[1][name]) for name, tensor in load_file(weights).items())


def test_a_validation_is_measured_on_the_slide_left_out(data, config, tmp_path):
    config = replace(config, stages=(Stage(32, 2),), mine_at=(), validation="H04", validate_every=1)
    weights = training.train_network(config, data, tmp_path)
    lines = [json.loads(line) for line in weights.with_name("curves.jsonl").read_text().splitlines()]
    measured = [line for line in lines if "f1" in line]
    assert [line["step"] for line in measured] == [1, 2]
    assert all(0 <= line["average_precision"] <= 1 and line["validation_loss"] > 0 for line in measured)
