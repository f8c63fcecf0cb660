"""A finder's run stops, goes on and refuses as the second network's does."""

import errno
import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from analysis.commands.train import progress_bar
from analysis.lab.datasets import LOOK_ALIKE, NUCLEUS, as_points, frames
from analysis.lab.errors import CheckpointRefused, TrainingRefused
from analysis.lab.finder.training import FinderConfig, train_finder
from analysis.lab.train import TrainingStopped, World, checkpoint
from tests.lab.finder.test_training import source
from tests.lab.train.conftest import write_data
from tests.lab.train.test_runs import Terminal, same_weights

CONFIG = FinderConfig("micro", ("H03",), ("midog21",), 6, batch=2, warmup_steps=2, bfloat16=False, checkpoint_every=2)
SHORT = replace(CONFIG, steps=1)
TOML = """
name = "micro"
slides = ["H03"]
crops = ["midog21"]
steps = 12
batch = 2
warmup_steps = 2
bfloat16 = false
checkpoint_every = 1
"""


class Gone(Exception):
    """The process is no more."""


@pytest.mark.timeout(300)  # two starts of torch; seconds when the machine is free
def test_a_run_killed_in_the_middle_goes_on_to_the_same_weights(data, tmp_path):
    path, runs = tmp_path / "micro.toml", tmp_path / "killed"
    path.write_text(TOML)
    config = FinderConfig.from_toml(path)
    options = ["--data", data, "--runs", runs, "--threads", "1", "--device", "cpu"]
    command = [sys.executable, "-m", "analysis.commands", "train", path, *options]
    child = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    written = runs / "micro" / "checkpoint.safetensors"
    while child.poll() is None and not (written.exists() and load_file(written)["progress"][0] >= 2):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (runs / "micro" / "weights.safetensors").exists()
    resumed = train_finder(config, data, runs)
    assert "resumed at step" in (runs / "micro" / "log.txt").read_text()
    assert same_weights(train_finder(config, data, tmp_path / "straight"), resumed)


def test_a_run_that_ends_between_two_checkpoints_goes_on_from_the_last_one(data, tmp_path):
    def end(step: int, loss: float) -> None:
        if step == 5:
            raise Gone

    with pytest.raises(Gone):
        train_finder(CONFIG, data, tmp_path / "ended", watch=end)
    assert load_file(tmp_path / "ended" / "micro" / "checkpoint.safetensors")["progress"][0] == 4
    resumed, straight = train_finder(CONFIG, data, tmp_path / "ended"), train_finder(CONFIG, data, tmp_path / "whole")
    assert same_weights(straight, resumed, atol=1e-6)
    one, other = (json.loads((run.parent / "curves.jsonl").read_text()) for run in (straight, resumed))
    assert one == pytest.approx(other, abs=1e-5)


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(data, tmp_path):
    def interrupt(step: int, loss: float) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingStopped, match="stopped at step 3 of 6; the checkpoint is written"):
        train_finder(replace(CONFIG, checkpoint_every=100), data, tmp_path, watch=interrupt)
    assert load_file(tmp_path / "micro" / "checkpoint.safetensors")["progress"][0] == 3


def test_a_finished_run_says_what_it_was_and_shows_its_curves(data, tmp_path):
    weights = train_finder(SHORT, data, tmp_path)
    facts = json.loads(weights.with_name("run.json").read_text())
    assert facts["config"]["name"] == "micro"
    assert facts["counts"]["H03"]["mitosis"] == 1
    assert (facts["steps_done"], facts["unreadable"], facts["processes"]) == (1, [], 1)
    assert {"data_sha256", "seconds", "threads", "software"} <= facts.keys()
    assert weights.with_name("curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_broken_image_among_many_is_named_skipped_and_counted(tmp_path, caplog):
    folder = write_data(tmp_path / "data", crops=120)
    broken = folder / "midog21" / "patches" / "050.jpg"
    broken.write_bytes(broken.read_bytes()[:700])
    with caplog.at_level(logging.WARNING):
        weights = train_finder(SHORT, folder, tmp_path)
    assert "050.jpg cannot be read and is left out" in caplog.text
    facts = json.loads(weights.with_name("run.json").read_text())
    assert facts["unreadable"] == ["050.jpg"]
    assert facts["counts"]["midog21 Aperio CS2"]["mitosis"] == 119


def test_more_than_one_percent_broken_images_end_the_run(tmp_path):
    folder = write_data(tmp_path / "data")
    frame = folder / "mitos14" / "frames" / "H03_00Aa.jpg"
    frame.write_bytes(frame.read_bytes()[:700])
    with pytest.raises(TrainingRefused, match=r"1 of 3 images cannot be read \(H03_00Aa.jpg\); more than 1 %"):
        train_finder(CONFIG, folder, tmp_path)


def test_nothing_to_train_on_is_refused_and_one_slide_alone_will_do(data, tmp_path):
    with pytest.raises(TrainingRefused, match="nothing has no labelled mitosis"):
        train_finder(replace(SHORT, slides=(), crops=()), data, tmp_path / "nothing")
    assert train_finder(replace(SHORT, crops=()), data, tmp_path / "one").exists()


def test_pixels_that_are_no_numbers_and_a_class_without_a_place_are_refused(data, tmp_path, monkeypatch):
    broken, one_class = source(), source()
    broken.images[0] = np.full((400, 400, 3), np.nan, np.float32)
    one_class.points.update({group: as_points([]) for group in (NUCLEUS, LOOK_ALIKE)})
    monkeypatch.setattr(frames, "load_slides", lambda *_: [broken])
    with pytest.raises(TrainingRefused, match="image 0 of frame holds pixels that are no numbers"):
        train_finder(CONFIG, data, tmp_path)
    monkeypatch.setattr(frames, "load_slides", lambda *_: [one_class])
    with pytest.raises(TrainingRefused, match="frame has mitoses and nothing else"):
        train_finder(CONFIG, data, tmp_path)


def test_a_terminal_sees_how_far_a_run_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(CONFIG) as watch:
        watch(4, 0.5)
    assert "micro" in sys.stderr.getvalue()
    assert "4/6" in sys.stderr.getvalue()


def test_a_folder_is_not_shared_by_two_configurations(data, tmp_path):
    train_finder(SHORT, data, tmp_path)
    with pytest.raises(CheckpointRefused, match=r"another configuration \(lr 0.003 there, 0.5 here\)"):
        train_finder(replace(SHORT, lr=0.5), data, tmp_path)


def test_a_checkpoint_of_another_configuration_or_of_other_data_is_not_gone_on_from(data, tmp_path):
    weights = train_finder(SHORT, data, tmp_path)
    (tmp_path / "other").mkdir()
    shutil.copy(weights.with_name("checkpoint.safetensors"), tmp_path / "other")
    with pytest.raises(CheckpointRefused, match=r"of another configuration \(name micro there, other here\)"):
        train_finder(replace(SHORT, name="other"), data, tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointRefused, match="written with other data"):
        train_finder(SHORT, write_data(tmp_path / "data", crops=3), tmp_path)


def test_no_space_keeps_the_checkpoint_from_before(data, tmp_path, monkeypatch):
    write, kept = checkpoint.write_atomically, []

    def full_after_one(path: Path, content: bytes) -> None:
        if kept:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)
        kept.append(path.read_bytes())

    monkeypatch.setattr(checkpoint, "write_atomically", full_after_one)
    with pytest.raises(CheckpointRefused, match=r"There is no space for .*kept.*Make room"):
        train_finder(CONFIG, data, tmp_path)
    assert (tmp_path / "micro" / "checkpoint.safetensors").read_bytes() == kept[0]


def test_several_processes_are_refused_before_anything_is_written(data, tmp_path):
    with pytest.raises(TrainingRefused, match="trained in one process, not in 2; give the command without torchrun"):
        train_finder(CONFIG, data, tmp_path / "runs", World(1, 2))
    assert not (tmp_path / "runs").exists()


def test_a_start_that_is_no_finder_is_refused(data, tmp_path):
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(TrainingRefused, match="holds no weights"):
        train_finder(replace(SHORT, start="before"), data, tmp_path)
