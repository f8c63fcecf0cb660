"""Comparisons at toy scale: which arms there are, and that they run, resume and are measured alike."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from analysis.commands import cli
from analysis.lab import compare
from analysis.lab.compare import COMPARISONS, Setup, arms, running, scores, together
from analysis.lab.compare.arms import with_windows
from analysis.lab.compare.budget import windows_for
from analysis.lab.errors import CheckpointRefused, ConfigRefused
from analysis.lab.evaluate import FrameScores
from analysis.lab.train import Stage, TrainConfig, TrainingStopped
from tests.lab.train.conftest import write_data

SETUP = Setup(slides=("H03",), crops=(), test=("H04",))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def micro(setup: Setup) -> list[TrainConfig]:
    common = {"warmup_steps": 0, "bfloat16": False, "batch": 2, "start": "random"}
    plain = TrainConfig("plain", setup.slides, (), (Stage(32, 1),), **common)
    larger = replace(plain, name="larger", stages=(Stage(48, 1),), normalise="reinhard", normalised=1.0)
    return [plain, larger]


@pytest.fixture
def two_arms(monkeypatch):
    """A comparison of two small arms of two steps each, on this machine or a slower one."""
    monkeypatch.setitem(COMPARISONS, "start", micro)
    monkeypatch.setattr(running, "windows_for", lambda minutes, costs, batches: 4)


def test_figure_seven_has_nine_arms():
    found = arms.optimiser_arms(Setup())
    assert {(arm.optimiser, arm.batch) for arm in found} == {
        (optimiser, batch) for optimiser in ("adam", "rmsprop", "sgd") for batch in (16, 32, 64)
    }
    assert all(arm.slides == ("H03", "H07", "H15") and arm.weighted_loss for arm in found)


def test_patch_sizes_are_the_papers_and_use_frames_alone():
    found = arms.patch_size_arms(Setup())
    assert [arm.stages[-1].px for arm in found] == [50, 100, 256, 512]
    assert all(arm.crops == () for arm in found)
    assert len({arm.batch for arm in found}) == 1, (
        "sizes differ in batch too, so that their figures tell nothing of size"
    )


def test_seeds_differ_in_their_seed_alone():
    found = arms.seed_arms(Setup(seed=4))
    assert [arm.seed for arm in found] == [4, 5, 6]
    assert len({replace(arm, seed=0, name="") for arm in found}) == 1


def test_recipes_share_their_start_their_data_and_their_windows_size():
    paper, improved = COMPARISONS["recipes"](SETUP)
    assert (paper.start, paper.slides, paper.crops) == (improved.start, improved.slides, improved.crops)
    assert {stage.px for arm in (paper, improved) for stage in arm.stages} == {100}
    assert (paper.augmentation, paper.optimiser, paper.ema) == ("paper", "adam", 0.0)
    assert (improved.augmentation, improved.sampling) == ("improved", "balanced")


def test_baselines_start_alike_unless_weights_are_given():
    assert [(arm.network, arm.start) for arm in arms.baseline_arms(Setup())] == [
        ("hybrid", "random"),
        ("resnet18", "random"),
        ("efficientnet_b0", "random"),
    ]
    given = [arm.start for arm in arms.baseline_arms(Setup(b0="b0.pth", resnet18="r.pth"))]
    assert given == ["b0:b0.pth", "resnet18:r.pth", "b0:b0.pth"]


def test_every_normaliser_comes_with_colour_and_without():
    found = arms.normaliser_arms(Setup(profile="hamamatsu"))
    assert len(found) == 10
    assert {arm.normalise for arm in found} == {"none", "macenko", "reinhard", "stainnet", "stainnet:hamamatsu"}
    assert {arm.colour > 0 for arm in found} == {True, False}
    assert all((arm.normalised == 1) == (arm.normalise != "none") for arm in found)
    assert len({arm.name for arm in found}) == 10


@pytest.mark.parametrize("name", COMPARISONS)
def test_arms_of_a_comparison_see_the_same_windows_and_never_the_test_slides(name):
    for arm in COMPARISONS[name](Setup()):
        planned = with_windows(arm, 6400)
        assert planned.steps * planned.batch == 6400
        assert {"H04", "H14", "H05"}.isdisjoint(planned.slides)


def test_stages_keep_their_proportions():
    config = TrainConfig("x", (), (), (Stage(64, 660), Stage(100, 170)), batch=10, ema=0.0)
    assert with_windows(config, 830).stages == (Stage(64, 66), Stage(100, 17))


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        ({"test": ("H05",)}, "H05 is not compared on"),
        ({"slides": ("H03", "H04")}, "H04 is trained on; a comparison needs slides left out"),
        ({"slides": ("H04",), "test": ("A04",)}, "A04 is trained on; a comparison needs slides left out"),
        ({"test": ()}, "There is no test slide"),
    ],
)
def test_a_setup_that_would_say_nothing_is_refused(setup, said):
    with pytest.raises(ConfigRefused, match=said):
        Setup(**setup)


def test_the_budget_is_shared_evenly_in_whole_batches():
    # 600 s of which 510 are for training; a round of both arms costs 0.3 s.
    assert windows_for(10, [0.1, 0.2], [16, 64]) == 1664
    with pytest.raises(ConfigRefused, match="0.01 minutes are too few for 2 arms .* Give a larger --budget"):
        windows_for(0.01, [0.1, 0.2], [16, 64])


def test_a_comparison_trains_measures_and_shows_every_arm(data, tmp_path, two_arms, capsys):
    options = ["--slides", "H03", "--crops", "--test", "H04", "--device", "cpu"]
    options += ["--data", str(data), "--runs", str(tmp_path)]
    assert cli.main(["compare", "start", "--budget", "1", *options]) == 0
    result = json.loads((tmp_path / "compare-start" / "result.json").read_text())
    assert [arm["arm"] for arm in result["arms"]] == ["plain", "larger"]
    for arm in result["arms"]:
        assert arm["steps"] == 2
        assert arm["prevalence"] == 0.29
        low, high = arm["average_precision_95_by_frame"]
        assert 0 <= low <= high <= 1
        assert arm["windows"] == result["arms"][0]["windows"]
    assert "not detection" in result["protocol"]
    shown = capsys.readouterr().out
    assert "plain" in shown
    assert "windows per arm" in shown
    assert (tmp_path / "compare-start" / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_seeds_are_also_measured_as_one_network(data, tmp_path, two_arms, monkeypatch):
    def three(setup: Setup) -> list[TrainConfig]:
        plain = micro(setup)[0]
        return [replace(plain, name=f"seed-{seed}", seed=seed) for seed in (1, 2, 3)]

    monkeypatch.setitem(COMPARISONS, "seeds", three)
    result = json.loads(compare.run_comparison("seeds", SETUP, 1, data, tmp_path).read_text())
    assert [arm["arm"] for arm in result["arms"]] == ["seed-1", "seed-2", "seed-3", "mean of 3"]
    *alone, as_one = result["arms"]
    assert as_one["windows"] == alone[0]["windows"]
    assert as_one["parameters"] == 3 * alone[0]["parameters"]
    each = np.mean([arm["average_precision"] for arm in alone])
    assert as_one["gain"]["average_precision"] == pytest.approx(as_one["average_precision"] - each, abs=2e-4)
    low, high = as_one["gain"]["average_precision_95_by_frame"]
    assert low <= high


def test_a_network_together_with_itself_gains_nothing():
    frames = [frame(seed) for seed in range(20)]
    found = together.ensemble_gain(frames, [frames, frames])
    assert found == {"average_precision": 0.0, "average_precision_95_by_frame": [0.0, 0.0]}


def test_a_comparison_that_was_stopped_goes_on_with_its_own_plan(data, tmp_path, two_arms, monkeypatch):
    trained, train = [], running.train_network

    def noting(config, *rest, **options):
        trained.append(config.name)
        if config.name == "larger" and trained.count("larger") == 1:
            options["watch"] = lambda step, loss: signal.raise_signal(signal.SIGINT)
        return train(config, *rest, **options)

    monkeypatch.setattr(running, "train_network", noting)
    with pytest.raises(TrainingStopped):
        compare.run_comparison("start", SETUP, 1, data, tmp_path)
    monkeypatch.setattr(running, "windows_for", lambda *_: pytest.fail("planned again"))
    compare.run_comparison("start", SETUP, 99, data, tmp_path)
    assert trained == ["plain", "larger", "larger"]
    with pytest.raises(CheckpointRefused, match="another seed"):
        compare.run_comparison("start", replace(SETUP, seed=2), 1, data, tmp_path)


def frame(seed: int) -> FrameScores:
    """A frame whose mitoses score a little higher than the rest."""
    rng, nowhere = np.random.default_rng(seed), np.zeros((0, 2))
    windows = [rng.normal(middle, 1, 3) for middle in (1.0, 0.0, -1.0)]
    return FrameScores(f"frame {seed}", "made up", (500, 500), nowhere, nowhere, nowhere, np.zeros(0), *windows)


def test_the_interval_holds_the_figure_it_is_of():
    frames = [frame(seed) for seed in range(20)]
    low, high = scores.arm_metrics(frames)["average_precision_95_by_frame"]
    assert low < scores.average_precision(frames) < high
