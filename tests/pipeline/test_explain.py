"""Maps of evidence: what they add up to, where their cells lie, and whether they depend on what was learned."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.lab.explain import pointing, sanity
from analysis.pipeline.cards.store import Model, list_models, load_model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.explain import enlarge_maps, find_peaks, grad_cam, map_evidence
from tests.pipeline.makers import planted_tissue, random_network


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(list_models()[-1].path)


@pytest.fixture(scope="module")
def figures(shipped) -> np.ndarray:
    """Mitoses of the teaching sheet, in the middle of their patches."""
    return sanity.sheet_patches(shipped.card.patch_px, 4)


def test_the_unscaled_map_of_block_eight_adds_up_to_the_margin_less_what_has_no_place(shipped, figures):
    found = map_evidence(shipped.network, shipped.card, figures)
    assert found.of_margin.shape == (4, 7, 7)
    # The head behind the average: its two biases are what has no place, with the units that are on.
    with torch.inference_mode():
        from analysis.pipeline.patches import to_network

        pooled = shipped.network.pool_features(to_network(figures, shipped.card.mean, shipped.card.std))
        first, last = shipped.network.head[1], shipped.network.head[3]
        on = (first(pooled) > 0).float()
        rest = (on * first.bias) @ last.weight.T + last.bias
    without_place = (rest[:, 1] - rest[:, 0]).numpy()
    assert found.of_margin.sum(axis=(1, 2)) == pytest.approx(found.margins - without_place, abs=1e-3)


def test_maps_do_not_depend_on_what_else_is_explained(shipped, figures):
    together = map_evidence(shipped.network, shipped.card, figures).of_margin
    alone = map_evidence(shipped.network, shipped.card, figures[2:3]).of_margin
    assert together[2] == pytest.approx(alone[0], abs=1e-4)


def test_shown_maps_are_scaled_each_to_its_own_maximum(shipped, figures):
    for maps in grad_cam(shipped.network, shipped.card, figures[:2]):
        assert {name: (m.shape, m.dtype.name) for name, m in maps.items()} == {
            "mitosis": ((100, 100), "uint8"),
            "other": ((100, 100), "uint8"),
        }
        assert maps["mitosis"].max() == 255


@pytest.mark.parametrize(("cells", "step"), [(7, 16), (13, 8), (25, 4)])
def test_cells_lie_as_far_apart_as_the_strides_say_about_the_patchs_middle(cells, step):
    heat = np.zeros((1, cells, cells), np.float32)
    row, column = cells - 2, 1
    heat[0, row, column] = 1
    middle = (cells - 1) / 2
    assert find_peaks(enlarge_maps(heat, 100))[0] == pytest.approx(
        (50 + (column - middle) * step, 50 + (row - middle) * step), abs=0.6
    )


def test_a_peak_between_two_cells_is_found_between_them():
    heat = np.zeros((1, 7, 7), np.float32)
    heat[0, 3, 3] = heat[0, 3, 4] = 1
    x, y = find_peaks(enlarge_maps(heat, 100))[0]
    assert (x, y) == (pytest.approx(58, abs=1), pytest.approx(50, abs=1))


def test_a_cell_answers_to_pixels_around_its_place(shipped):
    """The step and place of cells, measured on the network itself: the gradient of a cell of block 4 is centred."""
    network = random_network().eval()
    pixels = torch.rand(1, 3, 100, 100, requires_grad=True)
    network.blocks[:5](pixels)[0, :, 10, 14].sum().backward()
    weight = pixels.grad[0].abs().sum(0).numpy()
    weight[weight < weight.max() * 0.2] = 0
    rows, columns = np.mgrid[:100, :100]
    centre = [(weight * axis).sum() / weight.sum() for axis in (columns, rows)]
    assert centre == pytest.approx([14 * 4, 10 * 4], abs=4)


def test_an_unknown_layer_is_named_with_those_there_are(model):
    with pytest.raises(PipelineRefused, match="blocks.9; there are blocks.0"):
        map_evidence(model.network, model.card, np.zeros((1, 100, 100, 3), np.uint8), "blocks.9")


def test_a_network_whose_logits_are_no_numbers_is_not_explained(model):
    broken = random_network()
    with torch.no_grad():
        broken.head[3].bias.fill_(float("nan"))
    with pytest.raises(PipelineRefused, match="no numbers"):
        map_evidence(broken, model.card, np.zeros((1, 100, 100, 3), np.uint8))


def test_no_patches_give_no_maps(model):
    assert grad_cam(model.network, model.card, np.zeros((0, 100, 100, 3), np.uint8)) == []


def test_random_weights_change_the_shipped_networks_maps(shipped, figures):
    found = sanity.randomise_cascade(shipped.network, shipped.card, figures)
    assert found.stages[:2] == ("trained", "head")
    assert found.stages[-1] == "block 0"
    rows = sanity.compare_by_weights(figures, found)
    assert rows["trained"] == {"rank_correlation": 1, "absolute_rank_correlation": 1, "ssim": 1}
    assert rows["block 0"]["rank_correlation"] < 0.5
    assert rows["block 0"]["ssim"] < 0.5


def test_the_other_class_gives_another_map_of_the_shipped_network(shipped, figures):
    found = sanity.compare_by_class(shipped, figures)
    assert found["rank_correlation"] < 0.5
    assert found["ssim"] < 0.5


def test_making_a_network_random_leaves_the_one_in_use_alone(model):
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    sanity.randomise_cascade(model.network, model.card, np.zeros((1, 100, 100, 3), np.uint8) + 128)
    assert all((model.network.state_dict()[name] == tensor).all() for name, tensor in before.items())


def test_similarity_is_one_for_equal_maps_and_low_for_mirrored_ones():
    one = np.zeros((1, 100, 100), np.float32)
    one[0, 10:40, 10:40] = 3
    assert sanity.structural_similarity(one, one * 7) == pytest.approx([1])
    assert sanity.structural_similarity(one, one[:, ::-1, ::-1]) < 0.9
    assert sanity.rank_correlation(one, one[:, ::-1, ::-1])[0] < 0.1


def windows(figures_px: list, **changes) -> pointing.Shifted:
    patches = np.stack([planted_tissue(100, 100, [place]) for place in figures_px])
    known = {"slides": np.array(["H03"] * len(patches)), "left_out": {}} | changes
    return pointing.Shifted(patches, np.array(figures_px, float), **known)


def test_a_peak_is_a_hit_within_twelve_pixels_of_the_label():
    maps = np.zeros((3, 100, 100), np.float32)
    maps[0, 30, 61] = maps[1, 30, 63] = 1
    hits = pointing.hits_of(maps, np.array([(50.0, 30.5)] * 3))
    assert hits.tolist() == [True, False, False]


def test_the_priors_stand_beside_the_maps(model):
    game = pointing.play_pointing(model, windows([(75.0, 50.0), (50.0, 25.0), (27.0, 40.0)]))
    found = pointing.report_pointing([game])
    assert found["priors"]["middle of the window"]["share"] == 0
    # One dark nucleus in each window, so that looking for darkness alone finds it.
    assert found["priors"]["darkest nucleus"]["share"] == found["priors"]["any nucleus"]["share"] == 1
    assert set(found["maps"]) == {*pointing.VARIANTS, pointing.FUSED}
    assert "block 8, Grad-CAM" in pointing.pointing_table(found)


def test_several_networks_are_pooled_by_window(model):
    one = pointing.play_pointing(model, windows([(75.0, 50.0)]))
    two = pointing.play_pointing(model, windows([(50.0, 25.0), (27.0, 40.0)], slides=np.array(["H04", "H04"])))
    found = pointing.report_pointing([one, two])
    assert found["windows"] == 3
    assert set(found["priors"]["darkest nucleus"]["by_slide"]) == {"H03", "H04"}


@pytest.mark.parametrize("slide", ["H05", "H99"])
def test_the_unseen_slide_and_unknown_ones_are_not_pointed_at(slide, tmp_path):
    with pytest.raises(PipelineRefused, match=f"{slide} cannot be pointed at.*H03"):
        pointing.shifted_windows(tmp_path, (slide,), 100)


@pytest.mark.needs_data
def test_the_shipped_maps_point_at_shifted_mitoses(shipped, data_dir):
    windows = pointing.shifted_windows(data_dir, ("H14",), 100)
    shift = np.linalg.norm(windows.figures - 50, axis=1)
    assert (shift.min(), shift.max()) == (pytest.approx(20, abs=1), pytest.approx(30, abs=1))
    found = pointing.report_pointing([pointing.play_pointing(shipped, windows, (pointing.SHOWN,))])
    share = found["maps"][pointing.SHOWN]["share"]
    # The darkest nucleus is a prior too strong for the thirty windows of one slide to tell apart: see the figures.
    for prior in ("middle of the window", "peak of the average map", "any nucleus"):
        assert share > found["priors"][prior]["share"] + 0.2
    assert share > 0.45  # hybrid-0.5 scores better than those before it and points less well


def test_the_sheet_names_its_stages(shipped, figures, tmp_path):
    from analysis.lab.explain import plots as drawing

    maps = np.random.default_rng(0).normal(size=(2, 4, 7, 7)).astype(np.float32)
    sheet = drawing.sanity_sheet(figures, sanity.Cascade(("trained", "head"), maps), maps[0])
    assert sheet.width == 4 * 106 + 6
    path = Path(tmp_path / "sheet.png")
    path.write_bytes(drawing.encode_png(sheet))
    assert path.stat().st_size > 1000


def test_a_report_is_json(model):
    game = pointing.play_pointing(model, windows([(75.0, 50.0)]))
    json.dumps(pointing.report_pointing([game]), allow_nan=False)
