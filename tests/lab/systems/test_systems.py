"""Every system of the paper's Table 1: counted, trained two steps, used on a frame; and compared end to end."""

import importlib.util
import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from analysis.commands import cli
from analysis.lab.compare import Setup
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, NUCLEUS, OTHER_MITOSIS
from analysis.lab.datasets import frames as labelled
from analysis.lab.errors import CheckpointRefused, ConfigRefused
from analysis.lab.evaluate import FrameScores
from analysis.lab.evaluate import frames as scoring
from analysis.lab.systems import SYSTEMS, pick_systems, run_systems, table
from analysis.lab.systems.fields import FieldSampler
from analysis.lab.systems.measuring import counted_macs, detection_metrics
from analysis.lab.systems.running import config_of, make_trainer
from analysis.lab.systems.shown import RANKS_FROM_STEPS, still_falling, systems_table
from analysis.lab.systems.table import TOLERANCE, System
from analysis.lab.systems.training import ImageConfig, train_on_images
from analysis.lab.train import Stage, TrainConfig, TrainingStopped, World
from analysis.pipeline.cards.store import Model
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.networks import PATCH_CLASSIFIER, registry
from tests.lab.train.conftest import write_data
from tests.pipeline.networks.test_image_detectors import DARK, DarkCells
from tests.pipeline.networks.test_registry import TOY, ToyNet

SETUP = Setup(slides=("H03",), crops=(), test=("H04",))
NAMES = [
    *("hybrid", "efficientnet-b0", "efficientnet-b2", "efficientnet-b4", "resnet18", "max", "retinanet"),
    *("efficientdet-d4", "smdetector", "dhe-mit", "mdfs"),
]
WITHIN = set(NAMES) - {"mdfs"}
# Some sixty million parameters each: half a minute for two steps.
LARGE = {"smdetector", "dhe-mit", "mdfs"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def sources(data):
    return labelled.load_slides(data, ("H03",))


@pytest.fixture
def toys(monkeypatch):
    """Two small systems in place of the paper's."""
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    registry.register("toy", target_layer="conv", layers=("conv",), **TOY)(ToyNet)
    registry.register("dark_cells", **DARK)(DarkCells)
    found = (System("toy", 122), System("dark-cells", 2, why="It is a toy."))
    monkeypatch.setattr(table, "SYSTEMS", found)
    return found


def skip_without_packages(system: System) -> None:
    if missing := system.network.missing_packages():
        pytest.skip(f"{system.name} needs {missing}: requirements-systems.txt is not installed")


def test_the_counts_are_the_papers_within_five_percent_or_say_why(capsys, tmp_path):
    for system in SYSTEMS:
        skip_without_packages(system)
    assert cli.main(["compare", "systems", "--budget", "0", "--json", "--runs", str(tmp_path / "none")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == NAMES
    for row in rows:
        found = row["parameters_as_counted"] / row["paper_parameters"] - 1
        assert row["difference"] == pytest.approx(found, abs=1e-4)
        assert (abs(found) <= TOLERANCE) == (row["name"] in WITHIN), row["name"]
        assert row["name"] in WITHIN or "15.4 M are not printed" in row["why"]
        assert row["parameters"] == System(row["name"], 1).network.parameters
        assert (row["patch"], row["detection"], row["seconds_per_mm2"]) == (None, None, None)
    assert {row["name"] for row in rows if row["paper_is_estimate"]} == {"max", "smdetector", "dhe-mit", "mdfs"}
    assert {row["kind"] for row in rows} == {"patch classifier", "detector", "cascade"}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "system",
    [pytest.param(s, id=s.name, marks=pytest.mark.nightly if s.name in LARGE else ()) for s in SYSTEMS],
)
def test_each_trains_two_steps_and_detects_on_a_frame(system, data, sources, tmp_path):
    skip_without_packages(system)
    config = config_of(system, SETUP, steps=2)
    if isinstance(config, TrainConfig):
        config = replace(config, batch=2, bfloat16=False, stages=(Stage(48, 2),))
    else:
        config = replace(config, px=128)
    trainer = make_trainer(config, sources, tmp_path, World())
    before = [parameter.detach().clone() for parameter in trainer.net.parameters()][-1]
    losses = []
    for _ in range(2):
        losses.append(trainer.take_step())
        trainer.progress.step += 1
    assert np.isfinite(losses).all()
    assert not torch.equal(list(trainer.net.parameters())[-1], before)
    card = uncalibrated_card(system.network.name, "silu" if system.name == "hybrid" else "")
    model = Model(system.name, "", card, trainer.net.eval().requires_grad_(False))
    [frame] = scoring.score_frames(model, data, ("H04",))
    assert len(frame.points) == len(frame.margins)
    assert ((frame.points >= 0) & (frame.points <= np.array(frame.size_um))).all()
    if system.network.kind == PATCH_CLASSIFIER:
        assert len(frame.margins) > 0
        assert len(frame.on_mitoses) == 1
    else:
        assert len(frame.on_mitoses) == 0


def test_a_comparison_trains_measures_and_times_each_and_goes_on_where_it_was(data, toys, tmp_path, capsys):
    options = ["--slides", "H03", "--crops", "--test", "H04", "--device", "cpu", "--json"]
    options += ["--data", str(data), "--runs", str(tmp_path)]
    assert cli.main(["compare", "systems", "--budget", "0.001", *options]) == 0
    rows = json.loads(capsys.readouterr().out)
    toy, dark = rows
    assert toy["patch"]["prevalence"] == 0.29
    assert dark["patch"] is None
    for row in rows:
        assert {"f1", "precision", "recall", "tp", "fp", "fn"} <= row["detection"].keys()
        assert row["detection"]["threshold"] == "fitted on the same frames"
        assert row["seconds_per_mm2"] > 0
        assert row["training"]["steps"] == 2
        assert row["training"]["curve"][-1][0] == 2
    assert toy["gmac_per_mm2"] > dark["gmac_per_mm2"] == 0
    assert dark["detection"]["recall"] == pytest.approx(1, abs=0.01)
    folder = tmp_path / "compare-systems"
    assert {path.name for path in folder.iterdir()} == {
        *("finder", "toy", "dark-cells", "plan.json", "result.json", "table.md", "picture.png"),
    }
    # A second time nothing is trained, and what was measured is shown without a budget too.
    written = (folder / "toy" / "weights.safetensors").stat().st_mtime_ns
    assert cli.main(["compare", "systems", "--budget", "99", *options]) == 0
    assert json.loads(capsys.readouterr().out) == rows
    assert cli.main(["compare", "systems", "--only", "dark-cells", *options]) == 0
    assert json.loads(capsys.readouterr().out) == [dark]
    assert (folder / "toy" / "weights.safetensors").stat().st_mtime_ns == written
    assert cli.main(["compare", "systems", "--only", "dark-cells", "--budget", "1", *options]) == 0
    assert json.loads(capsys.readouterr().out) == [dark]
    assert json.loads((folder / "result.json").read_text())["systems"] == rows
    with pytest.raises(CheckpointRefused, match="a comparison with another seed"):
        run_systems(toys, replace(SETUP, seed=2), 1, data, tmp_path)
    # The draft beside the weights makes a run usable as it is.
    frame = str(data / "mitos14" / "frames" / "H04_00Aa.jpg")
    used = ["--model", str(folder / "dark-cells" / "weights.safetensors"), "--out", str(tmp_path), "--mpp", "0.2273"]
    assert cli.main(["detect", frame, *used]) == 0
    assert json.loads((tmp_path / "H04_00Aa.json").read_text())["detections"]


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(sources, toys, tmp_path):
    config = ImageConfig("dark", "dark_cells", ("H03",), steps=6, px=96, checkpoint_every=2)
    stopped = []

    def stop_at_three(step, loss):
        stopped.append(step)
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingStopped, match="stopped at step 3 of 6"):
        train_on_images(config, sources, tmp_path, watch=stop_at_three)
    went_on = train_on_images(config, sources, tmp_path, watch=lambda step, loss: stopped.append(step))
    assert stopped == [1, 2, 3, 4, 5, 6]
    straight = train_on_images(replace(config, name="straight"), sources, tmp_path)
    assert torch.equal(load_file(went_on)["lightness"], load_file(straight)["lightness"])
    record = json.loads(went_on.with_name("run.json").read_text())
    assert record["trained_on"] == ["H03"]


def test_names_and_packages_that_are_not_there_are_said_before_anything_is_trained(monkeypatch, capsys):
    with pytest.raises(ConfigRefused, match="no system retinnet; .* did you mean retinanet"):
        pick_systems(["retinnet"])
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "effdet" else find(name))
    assert cli.main(["compare", "systems", "--budget", "600"]) == 1
    said = capsys.readouterr().err
    assert "efficientdet-d4 cannot be built, since effdet is not installed" in said
    assert "pip install -r requirements-systems.txt" in said
    assert [system.name for system in pick_systems(["max", "hybrid"])] == ["hybrid", "max"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start"], "The comparison start needs a --budget"),
        (["start", "--budget", "9", "--only", "hybrid"], "The comparison start takes no --only"),
        (["systems", "--only", "hybrid", "--budget", "-1"], "A budget of -1 minutes is none"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, said, capsys):
    assert cli.main(["compare", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_places_stay_on_their_cells_however_a_window_is_turned(sources):
    fields = FieldSampler(sources, seed=3, colour=0).batch(0, size=12, px=160)
    assert sum(map(len, fields.mitoses)) >= 4
    light = np.median(fields.windows.reshape(12, -1, 3), axis=1)[:, 0]
    for window, mitoses, others, ordinary in zip(fields.windows, fields.mitoses, fields.others, light, strict=True):
        for x, y in np.concatenate([mitoses, others]):
            assert window[int(y), int(x), 0] < ordinary - 40
    again = FieldSampler(sources, seed=3, colour=0).batch(0, size=12, px=160)
    assert np.array_equal(fields.windows, again.windows)
    assert {len(source.points[MITOSIS]) for source in sources} == {1}


def test_a_mitosis_that_is_painted_over_is_in_no_window(sources):
    bare = [replace(source, points=source.points | {NUCLEUS: source.points[NUCLEUS][:0]}) for source in sources]
    painted = [replace(source, points=source.points | {OTHER_MITOSIS: source.points[LOOK_ALIKE]}) for source in bare]
    held = [sum(map(len, FieldSampler(each, 3).batch(0, size=12, px=96).others)) for each in (bare, painted)]
    assert held[0] > 0 == held[1], "a network would learn as ground what is a mitosis"


def test_a_slides_threshold_comes_from_the_other_slides():
    frames = [frame_of("H04", [3.0, 1.0]), frame_of("H14", [1.0, -1.0])]
    found = detection_metrics(frames)
    # H14's best threshold would keep both of H04's, and H04's none of H14's.
    assert (found["tp"], found["fp"], found["fn"]) == (1, 1, 1)
    assert found["threshold"] == "carried over from the other slides"
    assert found["f1"] < found["f1_at_best_threshold"]
    assert detection_metrics(frames[:1])["f1"] == pytest.approx(1)
    # Another scan of the same glass is no other slide.
    same_glass = detection_metrics([frames[0], frame_of("A04", [1.0, -1.0])])
    assert same_glass["threshold"] == "fitted on the same frames"


def frame_of(slide: str, margins: list[float]) -> FrameScores:
    """One mitosis under the first of two detections."""
    points, one = np.array([[50.0, 50.0], [150.0, 150.0]]), np.zeros(0)
    return FrameScores(
        f"{slide}.jpg", slide, (300.0, 300.0), points[:1], points, points, np.array(margins), one, one, one
    )


def test_arithmetic_is_counted_of_all_that_multiplies():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.Conv2d(8, 8, 3, groups=8), nn.ConvTranspose2d(8, 4, 2, 2))
    head = nn.Linear(4, 2)
    with counted_macs(net, head, None) as macs:
        head(net(torch.zeros(1, 3, 10, 10)).mean((2, 3)))
    assert macs() == 8 * 64 * 27 + 8 * 36 * 9 + 8 * 36 * 4 * 4 + 2 * 4
    head(torch.zeros(1, 4))
    assert macs() == 8 * 64 * 27 + 8 * 36 * 9 + 8 * 36 * 4 * 4 + 2 * 4


def test_how_far_from_converged_is_what_came_last():
    assert still_falling([8, 6, 4, 2]) == pytest.approx(1 / 3, abs=1e-3)
    assert still_falling([8, 2, 2, 2]) == 0
    assert still_falling([1, 1, 2, 3]) is None
    assert still_falling([1, 0]) is None


def test_the_table_shows_what_is_known_and_says_why(toys):
    row = {"name": "mdfs", "kind": "cascade", "parameters": 70_043_551, "parameters_as_counted": 72_611_031}
    row |= {"paper_parameters": 88_000_000, "paper_is_estimate": True, "difference": -0.1749, "why": "Not printed."}
    row |= dict.fromkeys(("patch", "detection", "seconds_per_mm2", "gmac_per_mm2", "training"))
    shown = systems_table([row])
    assert "~88.0 M" in shown
    assert "- mdfs, -17.5%: Not printed." in shown


def test_a_system_that_had_few_steps_is_shown_without_figures_that_would_rank_it(toys):
    row = {"name": "resnet18", "kind": "patch classifier", "parameters": 11_177_538}
    row |= {"parameters_as_counted": 11_176_512}
    row |= {"paper_parameters": 11_000_000, "paper_is_estimate": False, "difference": 0.016, "why": ""}
    row |= {"patch": {"f1": 0.4321}, "detection": {"f1": 0.1234, "precision": 0.2, "recall": 0.1}}
    row |= {"seconds_per_mm2": 3.2, "gmac_per_mm2": 77.0, "training": {"steps": RANKS_FROM_STEPS - 1}}
    few, enough = systems_table([row]), systems_table([row | {"training": {"steps": RANKS_FROM_STEPS}}])
    assert "0.123" in enough and "0.432" in enough, "Figures of a system that was trained long enough are missing."
    assert "0.123" not in few and "0.432" not in few, "A system is ranked by figures of too few steps."
    assert "77" in few and f"{RANKS_FROM_STEPS - 1}" in few, "Cost and steps are shown whether or not a system ranks."
