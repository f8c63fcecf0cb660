"""Networks that look at whole images go the same way as the others: loaded, checked, used by `mitosis detect`."""

import json
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from analysis.commands.cli import main
from analysis.lab.evaluate import FrameScores, save_scores
from analysis.lab.release import model_of_run, release_version
from analysis.lab.train.draft import write_draft
from analysis.pipeline.cards.card import FinderUse
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.engines import open_engine
from analysis.pipeline.engines.devices import OPENVINO_FORMATS
from analysis.pipeline.errors import ModelRefused, PipelineRefused
from analysis.pipeline.networks import DETECTOR, Input, find_network, registry
from analysis.pipeline.networks.cascades import FastAndSlow, discs_about
from analysis.pipeline.networks.image_detector import ImageDetector, cut_windows, patches_to_learn, surest
from analysis.pipeline.networks.sliding import STRIDE_PX, SlidingResNet
from analysis.pipeline.normalise import make_normaliser
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.proposers.whole_image import LARGEST_IMAGE_PX
from analysis.pipeline.run import Detector
from analysis.services.model_check import check_model
from tests.pipeline.makers import as_slide, planted_tissue, rewrite_card, with_fitting_hash

CELLS = [(60.0, 70.0), (255.0, 150.0), (300.0, 258.0), (420.0, 330.0)]


class DarkCells(ImageDetector):
    """Finds dark discs: what is darker than its one weight, where nothing near is darker."""

    def __init__(self) -> None:
        super().__init__()
        self.lightness = nn.Parameter(torch.tensor(0.5))

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        cells = nn.functional.avg_pool2d(x[:, :1], 4)
        dark = -nn.functional.avg_pool2d(cells, 5, 1, 2, count_include_pad=False)
        peaks = dark == nn.functional.max_pool2d(dark, 11, 1, 5)
        rows, columns = torch.nonzero((peaks & (dark > -self.lightness))[0, 0], as_tuple=True)
        return (torch.stack([columns, rows], dim=1) + 0.5) * 4, dark[0, 0, rows, columns]

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        return (self.lightness + 1) ** 2 + 0 * x.sum()


DARK = {"kind": DETECTOR, "parameters": 1, "licence": "Apache-2.0", "input": Input(px=128, least_px=64)}


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """A version of a network that looks at whole images."""
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    registry.register("dark_cells", **DARK)(DarkCells)
    state, path = DarkCells().state_dict(), tmp_path / "dark.safetensors"
    save_file(state, path)
    write_draft(replace(uncalibrated_card("dark_cells", ""), name="dark-1"), {}, state, path.with_suffix(".json"))
    return with_fitting_hash(path)


def test_it_finds_by_itself_and_needs_no_finder(weights, tmp_path):
    cv2.imwrite(str(tmp_path / "field.png"), planted_tissue(500, 400, CELLS)[..., ::-1])
    arguments = ["--mpp", "0.25", "--model", str(weights), "--out", str(tmp_path)]
    assert main(["detect", str(tmp_path / "field.png"), *arguments]) == 0
    found = json.loads((tmp_path / "field.json").read_text())
    places = np.array(sorted((d["x_l0"], d["y_l0"]) for d in found["detections"]))
    assert np.abs(places - CELLS).max() < 6
    assert all(d["mitosis"] for d in found["detections"])
    assert "float32" in found["device"]


def test_a_cell_on_the_seam_of_tiles_is_found_once(weights, tmp_path):
    model, cells = load_model(weights), []
    with as_slide(planted_tissue(500, 400, CELLS), tmp_path) as reader:
        settings = Settings(0.25, 0.25, tile_px=256)
        detector, work = Detector(model, settings), plan_work(reader, settings, model.card)
        assert len(work.tiles) == 4
        for tile in work.tiles:
            cells += [(d.x_l0, d.y_l0) for d in detector.detect_tile(reader, work, tile).detections]
    assert np.abs(np.array(sorted(cells)) - CELLS).max() < 6


def test_it_sees_the_slide_in_the_normalisers_colours(weights, tmp_path):
    model, picture, margins = load_model(weights), planted_tissue(500, 400, CELLS), {}
    with as_slide(picture, tmp_path) as reader:
        for name in ("none", "reinhard"):
            settings, fitted = Settings(0.25, 0.25, normaliser=name), make_normaliser(name)
            fitted.fit(picture[None])
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings, fitted=fitted)
            margins[name] = detector.propose_candidates(reader, work, work.tiles[0]).finder_logits
    assert not np.array_equal(margins["none"], margins["reinhard"])


def test_it_has_no_grid_and_takes_no_finder(weights, tmp_path):
    model = load_model(weights)
    with pytest.raises(PipelineRefused, match="dark_cells looks at whole images by itself, so it has no mode grid"):
        Detector(model, Settings(0.25, 0.25, mode="grid"))
    (tmp_path / "run.json").write_text(json.dumps({"config": {"slides": ["H03"], "network": "dark_cells"}}))
    weights.rename(tmp_path / "weights.safetensors")
    for use in (model_of_run, partial(release_version, "dark-2", left_out=[], folder=tmp_path)):
        with pytest.raises(PipelineRefused, match="finds by itself; give it no finder"):
            use(tmp_path, finder=tmp_path, use=FinderUse(0.0, 0.0, 1))


def test_torch_alone_runs_it_and_it_scores_no_patch(weights):
    model = load_model(weights)
    formats = tuple(f"openvino-{kind}" for kind in OPENVINO_FORMATS)
    claims = replace(model, card=replace(model.card, formats=formats))
    for device in ("cpu:openvino-float32", "cpu:openvino-int8"):
        with pytest.raises(PipelineRefused, match="dark-1 looks at whole images, which OpenVINO does not run here"):
            open_engine(claims, device)
    for device in ("auto", "cpu:bfloat16"):
        engine = open_engine(claims, device)
        assert engine.name.endswith("float32")
        assert engine.find_places is not None
    with pytest.raises(PipelineRefused, match="dark-1 looks at whole images and scores no patch"):
        engine.score(np.zeros((1, 128, 128, 3), np.uint8))


def test_what_it_looks_at_is_the_same_whatever_the_region(weights, tmp_path):
    model, seen = load_model(weights), []
    with as_slide(planted_tissue(500, 400, CELLS), tmp_path) as reader:
        for region in (None, [[(30.0, 40.0), (90.0, 40.0), (90.0, 100.0), (30.0, 100.0)]]):
            settings = Settings(0.25, 0.25, region_l0=region)
            detector, work = Detector(model, settings), plan_work(reader, settings, model.card)
            assert work.tile_px == LARGEST_IMAGE_PX < settings.tile_px
            places = detector._proposer.find_places
            detector._proposer.find_places = lambda image, places=places: seen.append(image) or places(image)
            [result] = detector.detect_tiles(reader, work, work.tiles)
            assert len(result.detections) == (len(CELLS) if region is None else 1)
    assert np.array_equal(*seen)


def test_its_run_is_released_with_figures_of_detection_alone(weights, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    weights.rename(run / "weights.safetensors")
    (run / "run.json").write_text(json.dumps({"config": {"slides": ["H03"], "network": "dark_cells"}}))
    points, none = np.column_stack([np.arange(20, 300, 15), np.full(19, 100.0)]), np.zeros(0)
    margins = np.where(np.arange(19) % 3, -2.0, 2.0) + np.linspace(-1, 1, 19)
    frame = FrameScores("1.jpg", "H04", (400.0, 200.0), points[::3], points, points, margins, none, none, none)
    save_scores([frame], tmp_path / "left_out.json", trained_on=["H03"])
    model = load_model(release_version("dark-2", run, [tmp_path / "left_out.json"], tmp_path))
    assert (model.card.architecture, model.card.finder, model.card.standard) == ("dark_cells", None, None)
    assert model.card.metrics["left_out"]["patch"] is None
    assert model.card.metrics["left_out"]["detection"]["f1"] > 0.9
    with pytest.raises(ModelRefused, match="dark-2 looks at whole images and scores no patch"):
        _ = model.patch_network


def test_it_is_checked_before_it_is_taken_in(weights):
    # It runs, and takes every dark spot for a mitosis.
    assert "does not tell mitoses" in check_model(weights)["refused"]
    state = load_file(weights)
    save_file({name: tensor * torch.nan for name, tensor in state.items()}, weights)
    assert "no numbers" in check_model(with_fitting_hash(weights))["refused"]


def test_a_card_that_gives_it_a_finder_is_refused(weights):
    rewrite_card(weights, finder={"threshold": 0.0, "weight": 0.0, "parameters": 1})
    with pytest.raises(ModelRefused, match="finds by itself and takes no finder"):
        load_model(weights)


def test_packages_that_lack_are_named_with_the_command_that_installs_them(weights):
    registry.register("exotic", **DARK, packages=("no_such_package",))(DarkCells)
    rewrite_card(weights, architecture="exotic")
    with pytest.raises(ModelRefused, match="needs no_such_package: install them with .* requirements-systems.txt"):
        load_model(weights)
    with pytest.raises(PipelineRefused, match="exotic needs no_such_package: install"):
        find_network("exotic").build()


# What the papers change ------------------------------------------------------------------------------------------
def test_windows_are_cut_about_places_also_at_the_border():
    image = torch.arange(40 * 30, dtype=torch.float32).reshape(1, 30, 40).repeat(3, 1, 1)
    inner, corner = cut_windows(image, torch.tensor([[20.5, 15.5], [0.5, 0.5]]), 8)
    assert torch.equal(inner, image[:, 11:19, 16:24])
    assert torch.equal(corner[:, :4, :4], image[:, :1, :1].expand(3, 4, 4))
    assert cut_windows(image, torch.zeros(0, 2), 8).shape == (0, 3, 8, 8)


def test_what_a_second_network_learns_from_lies_on_no_mitosis():
    x = torch.zeros(1, 3, 96, 96)
    x[..., 20:76, 20:76] = 1
    windows, labels = patches_to_learn(x, [torch.tensor([[48.0, 48.0]])], [torch.tensor([[90.0, 90.0]])], 4)
    assert labels.tolist() == [1, 0, 0, 0, 0]
    assert windows[0].min() == 1
    assert windows[1].max() == 0


def test_a_cascade_looks_again_at_the_surest_alone():
    margins = torch.arange(3000.0)
    kept = surest(margins, 1000, 1000)
    assert len(kept) == 1 + round(0.0625 * 1000)
    assert kept.min() == 3000 - len(kept)


def test_likely_windows_beside_each_other_are_one_place():
    class TwoBlobs(SlidingResNet):
        def map_margins(self, x):
            margins = torch.full((20, 20), -3.0)
            margins[4:6, 4:7], margins[15, 12] = torch.tensor([1.0, 4.0, 2.0]), 0.5
            return margins

    places, margins = TwoBlobs().find_places(torch.zeros(1, 3, 320, 320))
    assert places.tolist() == [[5 * STRIDE_PX, 4.5 * STRIDE_PX], [12 * STRIDE_PX, 15 * STRIDE_PX]]
    assert margins.tolist() == [4.0, 0.5]


def test_a_window_of_the_moved_network_is_about_its_place():
    net, x = SlidingResNet().eval(), torch.rand(1, 3, 256, 256, requires_grad=True)
    margins = net.map_margins(x)
    assert margins.shape == (16 + 1, 16 + 1)
    # Whatever the weights are, most of what a window says comes from around its middle.
    [of_pixels] = torch.autograd.grad(margins[9, 7], x)
    weights, middles = of_pixels[0].square().sum(dim=0), torch.arange(256) + 0.5
    assert (weights.sum(dim=1) @ middles / weights.sum()).item() == pytest.approx(9 * STRIDE_PX, abs=STRIDE_PX)
    assert (weights.sum(dim=0) @ middles / weights.sum()).item() == pytest.approx(7 * STRIDE_PX, abs=STRIDE_PX)


def test_the_fast_network_names_the_peaks_of_its_map():
    pytest.importorskip("segmentation_models_pytorch", reason="requirements-systems.txt is not installed")

    class OneMap(FastAndSlow):
        def __init__(self) -> None:
            nn.Module.__init__(self)

        def map_logits(self, x):
            logits = torch.full((1, 64, 64), -6.0)
            logits[0, 10, 20], logits[0, 11, 20], logits[0, 40, 5] = 2.0, 1.0, 0.0
            return logits

    places, logits = OneMap().propose(torch.zeros(1, 3, 200, 200))
    assert places.tolist() == [[20.5 * 4, 10.5 * 4], [5.5 * 4, 40.5 * 4]]
    assert logits.tolist() == [2.0, 0.0]
    assert discs_about(torch.tensor([[5.0, 5.0]]), 3.0, torch.Size((10, 10))).sum() == pytest.approx(28, abs=4)
