"""The whole check of a slide: real frames as they are and manipulated, and what the network adds."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from analysis.commands.cli import main
from analysis.lab.datasets import mitos14
from analysis.lab.datasets.frames import TRAINING_SLIDES
from analysis.lab.ood import fit
from analysis.pipeline.cards.store import list_models
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.ood import Found, check_slide, limits
from analysis.pipeline.ood.features import Gaussian
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide
from tests.pipeline.makers import as_slide, planted_tissue, write_model
from tests.pipeline.ood.makers import with_few_crops

MPP = mitos14.FRAME_MPP


def picture_of(data_dir: Path, slide: str = "H07") -> np.ndarray:
    frames = mitos14.labelled_frames(data_dir, (slide,))
    return mitos14.read_rgb(frames[len(frames) // 2].path)


def checked(picture: np.ndarray, folder: Path, mpp: float = MPP):
    with as_slide(picture, folder) as reader:
        settings = Settings(mpp, mpp)
        return check_slide(reader, settings, plan_work(reader, settings, list_models()[-1].card))


@pytest.mark.needs_data
@pytest.mark.parametrize("slide", ["H03", "H14"])
def test_a_training_frame_is_ok(data_dir, tmp_path, slide):
    found = checked(picture_of(data_dir, slide), tmp_path)
    assert (found.grade, found.reasons) == ("ok", ())


MANIPULATED = {
    "blurred": (lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 5), "out of focus"),
    "grey": (lambda rgb: np.repeat(rgb.mean(axis=2, keepdims=True), 3, 2).astype(np.uint8), "grey"),
    "tinted": (lambda rgb: (rgb * (1, 0.95, 0.7)).astype(np.uint8), "tinted"),
    "dark": (lambda rgb: (rgb * 0.6).astype(np.uint8), "dark"),
    "brown": (lambda rgb: rgb[..., [0, 2, 1]], "other than haematoxylin and eosin"),
    "pale": (lambda rgb: (255 - (255 - rgb) * 0.3).astype(np.uint8), "weak"),
}


@pytest.mark.needs_data
@pytest.mark.parametrize("how", MANIPULATED)
def test_a_manipulated_frame_is_found_out(data_dir, tmp_path, how):
    change, words = MANIPULATED[how]
    found = checked(change(picture_of(data_dir)), tmp_path)
    assert found.grade != "ok"
    assert any(words in reason for reason in found.reasons), found.reasons


@pytest.mark.needs_data
def test_a_frame_at_the_wrong_pixel_size_is_found_out(data_dir, tmp_path):
    assert "20x" in checked(picture_of(data_dir), tmp_path, 0.5).reasons[0]


@pytest.mark.needs_data
def test_a_strongly_compressed_file_is_found_out(data_dir, tmp_path):
    path = tmp_path / "poor.jpg"
    Image.fromarray(picture_of(data_dir)).save(path, quality=20)
    with open_slide(path) as reader:
        settings = Settings(MPP, MPP)
        found = check_slide(reader, settings, plan_work(reader, settings, list_models()[-1].card), files=[path])
    assert any("JPEG quality 20" in reason for reason in found.reasons)


def test_bare_glass_has_nothing_to_compare(tmp_path):
    found = checked(np.full((600, 600, 3), (244, 241, 243), np.uint8), tmp_path, 0.25)
    assert found.grade == "not valid"
    assert found.reasons == ("No tissue was found, so there is nothing to compare with the training slides.",)


# The network's part --------------------------------------------------------------------------------------------------
@pytest.fixture
def run_on_tissue(model, tmp_path):
    """A detector that has run on a slide: reader, work, detector, what was found."""
    cells = [(x, y) for x in range(60, 700, 90) for y in range(60, 700, 90)]
    with as_slide(planted_tissue(700, 700, cells), tmp_path) as reader:
        settings = Settings(0.25, 0.25)
        work, detector = plan_work(reader, settings, model.card), Detector(model, settings, "cpu:float32")
        yield reader, work, detector, Found.of([detector.detect_tile(reader, work, tile) for tile in work.tiles])


def test_features_are_those_that_the_head_sees(run_on_tissue):
    reader, work, detector, found = run_on_tissue
    places = found.places_l0[:21]  # no multiple of a batch: the last one is filled up, and what fills it is left out
    seen = detector.features_at(reader, work, places)
    assert seen.shape == (21, 256)
    assert np.ptp(seen[:, seen.std(axis=0).argmax()]) > 0
    assert np.allclose(detector.features_at(reader, work, places[:3]), seen[:3], atol=1e-4)
    assert detector.features_at(reader, work, places[:0]).size == 0


def test_a_network_that_sees_the_unknown_says_so(run_on_tissue, tmp_path, monkeypatch):
    reader, work, detector, found = run_on_tissue
    seen = detector.features_at(reader, work, found.places_l0)
    known = fit.network_limits(
        detector.model,
        [{"candidates": 50, "unsure": 0, "candidates_per_mm2": 400.0, "mitoses_per_mm2": 5.0}] * 3,
        {
            name: np.random.default_rng(seed).normal(seen.mean(axis=0) + 1, 1e-3, (400, 256))
            for seed, name in enumerate(("one slide", "another"))
        },
        "nothing like it",
    )
    limits.save_limits(limits.load_slide_limits(), tmp_path)
    limits.save_limits(known, tmp_path)
    monkeypatch.setattr(limits, "FOLDER", tmp_path)
    found_out = check_slide(reader, detector.settings, work, detector, found)
    assert found_out.measures["far_share"] == 1
    assert any("unlike anything in its training" in reason for reason in found_out.reasons)


def test_a_network_without_limits_is_judged_by_the_picture_alone(run_on_tissue):
    reader, work, detector, found = run_on_tissue
    assert "far_share" not in check_slide(reader, detector.settings, work, detector, found).measures


def test_the_check_is_the_same_again(run_on_tissue):
    reader, work, detector, found = run_on_tissue
    first = check_slide(reader, detector.settings, work, detector, found)
    assert check_slide(reader, detector.settings, work, detector, found).as_json() == first.as_json()


# Limits --------------------------------------------------------------------------------------------------------------
def test_the_newest_shipped_model_has_limits():
    """Slides of older versions are judged by the picture alone."""
    shipped = list_models()[-1]
    known = limits.load_network_limits(shipped.sha256)
    assert known is not None, f"{shipped.name} needs: mitosis ood fit --model {shipped.name}"
    assert known.model == shipped.name
    assert known.features.axes.shape[1] == 256


def test_limits_come_back_from_their_file(tmp_path):
    rng = np.random.default_rng(1)
    network = limits.NetworkLimits(
        "name",
        "1" * 64,
        "it",
        {"candidates_per_mm2": (1.0, 2.0)},
        0.01,
        Gaussian.fitted(rng.normal(size=(90, 40))),
        7.0,
    )
    slides = limits.SlideLimits("it", {"colour": (1.5, 2.5)}, ((0.6, 0.8, 0.0), (0.0, 0.6, 0.8)), 400.0)
    limits.save_limits(network, tmp_path)
    limits.save_limits(slides, tmp_path)
    assert limits.load_slide_limits(tmp_path) == slides
    again = limits.load_network_limits("1" * 64, tmp_path)
    points = rng.normal(size=(5, 40))
    assert np.allclose(again.features.distance(points), network.features.distance(points), rtol=1e-2)
    assert limits.load_network_limits("2" * 64, tmp_path) is None


def test_limits_that_are_missing_or_broken_are_named(tmp_path):
    with pytest.raises(PipelineRefused, match=r"slides\.json cannot be read; make them with mitosis ood fit"):
        limits.load_slide_limits(tmp_path)
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(PipelineRefused, match=r"odd\.json"):
        limits.load_network_limits("1" * 64, tmp_path)


@pytest.mark.needs_data
def test_limits_are_fitted_on_frames_and_never_on_the_validation_slide(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fit, "FRAMES_PER_SLIDE", 1)
    monkeypatch.setattr(fit, "SCORED_FRAMES_PER_SLIDE", 1)
    monkeypatch.setattr(fit, "WINDOWS_PER_GROUP", 8)
    opened, real = [], fit.open_slide
    monkeypatch.setattr(fit, "open_slide", lambda path: opened.append(path.name[:3]) or real(path))
    path = write_model(tmp_path, "tiny")
    data = with_few_crops(data_dir, tmp_path / "data")
    assert main(["ood", "fit", "--model", str(path), "--limits", str(tmp_path / "limits"), "--data", str(data)]) == 0
    assert set(opened) == set(TRAINING_SLIDES)
    assert json.loads((tmp_path / "limits" / "tiny.json").read_text())["model"] == "tiny"
    fitted = limits.load_slide_limits(tmp_path / "limits")
    assert fitted.ranges["brightness"][0] < fitted.ranges["brightness"][1]
    assert "9 frames" in fitted.fitted_on


# Command line --------------------------------------------------------------------------------------------------------
def test_the_command_prints_a_verdict_for_each_slide(tmp_path, capsys):
    path = tmp_path / "field.png"
    Image.fromarray(planted_tissue(400, 400, [(100, 100), (300, 200)])).save(path)
    assert main(["ood", "check", "--quick", str(path)]) == 0
    assert "not valid\n  The pixel size is missing" in capsys.readouterr().out
    assert main(["ood", "check", "--quick", "--json", "--mpp", "0.5", str(path), str(tmp_path / "none.svs")]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["grade"] == "not valid"
    assert "none.svs" in said.err
