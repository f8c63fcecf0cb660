"""What is refused, and in which words."""

import errno
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.lab import train as training
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MITOSIS_SPOT, NUCLEUS, Source, as_points
from analysis.lab.errors import CheckpointRefused, ConfigRefused, TrainingRefused
from analysis.lab.train import Stage, checkpoint
from analysis.lab.train.runs import data_hash
from analysis.lab.train.sources import check_sources, load_sources
from tests.lab.train.conftest import write_data


def source(image: np.ndarray, mitoses: int = 1, nuclei: int = 1) -> Source:
    points = {group: as_points([(0, 9.0, 9.0)] * mitoses) for group in (MITOSIS, MITOSIS_SPOT)}
    points |= {NUCLEUS: as_points([(0, 50.0, 50.0)] * nuclei), LOOK_ALIKE: as_points([])}
    return Source("H03", "frame", 0.25, [image], points, [Path("H03_00Aa.tiff")])


def test_a_folder_is_not_shared_by_two_configurations(data, config, tmp_path):
    training.train_network(replace(config, stages=(Stage(32, 1),), mine_at=()), data, tmp_path)
    with pytest.raises(CheckpointRefused, match=r"another configuration \(lr 0.001 there, 0.5 here\)"):
        training.train_network(replace(config, stages=(Stage(32, 1),), mine_at=(), lr=0.5), data, tmp_path)


def test_a_checkpoint_of_another_configuration_is_not_gone_on_from(data, config, tmp_path):
    config = replace(config, stages=(Stage(32, 1),), mine_at=())
    training.train_network(config, data, tmp_path)
    other = replace(config, name="other", lr=0.5)
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "micro" / "checkpoint.safetensors", tmp_path / "other")
    with pytest.raises(CheckpointRefused, match=r"of another configuration \(name micro there, other here; lr"):
        training.train_network(other, data, tmp_path)


def test_a_checkpoint_of_other_data_is_not_gone_on_from(data, config, tmp_path):
    config = replace(config, stages=(Stage(32, 1),), mine_at=())
    weights = training.train_network(config, data, tmp_path / "runs")
    weights.unlink()
    with pytest.raises(CheckpointRefused, match="written with other data"):
        training.train_network(config, write_data(tmp_path / "data", crops=3), tmp_path / "runs")


@pytest.mark.parametrize("part", ["mitos14/annotations.csv", "midog21/manifest.csv", "midog21/patches/000.jpg"])
def test_a_checkpoint_is_not_gone_on_from_when_a_label_or_an_image_changed(config, tmp_path, part):
    folder = write_data(tmp_path / "data")
    config = replace(config, stages=(Stage(32, 1),), mine_at=())
    weights = training.train_network(config, folder, tmp_path / "runs")
    before = data_hash(load_sources(config, folder))
    weights.unlink()
    content = (folder / part).read_bytes()
    # As many labels as before, one of them elsewhere; a line more at the end of the others.
    (folder / part).write_bytes(content.replace(b"80.0", b"81.0", 1) if b"80.0" in content else content + b"\n")
    assert data_hash(load_sources(config, folder)) != before
    with pytest.raises(CheckpointRefused, match="written with other data: an image or a label has changed"):
        training.train_network(config, folder, tmp_path / "runs")
    (folder / part).write_bytes(content)
    assert training.train_network(config, folder, tmp_path / "runs") == weights


def test_a_checkpoint_is_not_gone_on_from_when_the_validation_slide_changed(config, tmp_path):
    folder = write_data(tmp_path / "data")
    config = replace(config, stages=(Stage(32, 1),), mine_at=(), slides=(), validation="H03")
    training.train_network(config, folder, tmp_path / "runs").unlink()
    path = folder / "mitos14" / "annotations.csv"
    path.write_text(path.read_text().replace("80.0", "81.0", 1))
    with pytest.raises(CheckpointRefused, match="an image or a label has changed"):
        training.train_network(config, folder, tmp_path / "runs")


def test_a_checkpoint_from_before_its_data_were_noted_is_gone_on_from(config, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save_tensors({}, path)
    assert checkpoint.read_checkpoint(path, config, {}, "ab") == {}


def test_a_checkpoint_that_is_cut_off_is_named(data, config, tmp_path):
    folder = tmp_path / "micro"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"\x08\x00")
    with pytest.raises(CheckpointRefused, match="no checkpoint that can be read"):
        training.train_network(config, data, tmp_path)


def test_no_space_keeps_the_checkpoint_from_before(data, config, tmp_path, monkeypatch):
    write, kept = checkpoint.write_atomically, {}

    def full_after_two(path: Path, content: bytes) -> None:
        if path.name == "checkpoint.safetensors" and len(kept) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)
        kept[len(kept)] = path.read_bytes()

    monkeypatch.setattr(checkpoint, "write_atomically", full_after_two)
    with pytest.raises(CheckpointRefused, match=r"There is no space for .*kept.*Make room"):
        training.train_network(config, data, tmp_path)
    assert (tmp_path / "micro" / "checkpoint.safetensors").read_bytes() == kept[1]


def test_a_loss_that_is_no_number_ends_the_run(data, config, tmp_path):
    wild = replace(config, optimiser="sgd", lr=1e38, warmup_steps=0, weight_decay=0.0, mine_at=())
    with pytest.raises(TrainingRefused, match="The loss became .* at step"):
        training.train_network(wild, data, tmp_path)


def test_pixels_that_are_no_numbers_are_named():
    image = np.zeros((100, 100, 3), np.float32)
    image[5, 5] = np.nan
    with pytest.raises(TrainingRefused, match=r"image 0 of H03 \(H03_00Aa.tiff\) holds pixels that are no numbers"):
        check_sources([source(image)])
    with pytest.raises(TrainingRefused, match="pixels of type uint16"):
        check_sources([source(np.zeros((100, 100, 3), np.uint16))])


def test_a_class_without_a_place_is_refused():
    image = np.zeros((100, 100, 3), np.uint8)
    check_sources([source(image)])
    with pytest.raises(TrainingRefused, match="no labelled mitosis"):
        check_sources([source(image, mitoses=0)])
    with pytest.raises(TrainingRefused, match="mitoses and nothing else"):
        check_sources([source(image, nuclei=0)])
    with pytest.raises(TrainingRefused, match="nothing has no labelled mitosis"):
        check_sources([])


def test_a_validation_with_one_slide_is_refused(config):
    with pytest.raises(ConfigRefused, match="H03 is the only slide; a validation needs another one"):
        replace(config, validation="H03")


def test_one_broken_image_among_many_is_named_skipped_and_counted(config, tmp_path, caplog):
    folder = write_data(tmp_path / "data", crops=120)
    broken = folder / "midog21" / "patches" / "050.jpg"
    broken.write_bytes(broken.read_bytes()[:700])
    with caplog.at_level(logging.WARNING):
        weights = training.train_network(replace(config, stages=(Stage(32, 1),), mine_at=()), folder, tmp_path)
    assert "050.jpg cannot be read and is left out" in caplog.text
    facts = json.loads(weights.with_name("run.json").read_text())
    assert facts["unreadable"] == ["050.jpg"]
    assert facts["counts"]["midog21 Aperio CS2"]["mitosis"] == 119


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_more_than_one_percent_broken_images_end_the_run(config, tmp_path, content):
    folder = write_data(tmp_path / "data")
    (folder / "midog21" / "patches" / "001.jpg").write_bytes(content)
    with pytest.raises(TrainingRefused, match=r"1 of 3 images cannot be read \(001.jpg\); more than 1 %"):
        training.train_network(config, folder, tmp_path / "runs")
