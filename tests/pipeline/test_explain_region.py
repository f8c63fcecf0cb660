"""`mitosis explain`: the map of a region, its scale, and what is refused."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from analysis.commands.cli import main
from analysis.lab.explain import plots
from analysis.pipeline.errors import RegionRefused
from analysis.pipeline.explain import enlarge_maps, map_evidence, region
from analysis.pipeline.plan import Settings
from analysis.pipeline.run import Detector
from tests.pipeline.makers import as_slide, planted_tissue, write_model

CELLS = [(60.0, 70.0), (160.0, 150.0), (250.0, 60.0)]
SETTINGS = Settings(0.25, 0.25)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return planted_tissue(300, 200, CELLS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("weights"), "random-1", temperature=2.0)


@pytest.fixture
def frame(picture, tmp_path) -> Path:
    path = tmp_path / "field.png"
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


def explain(*arguments) -> int:
    return main(["explain", *map(str, arguments)])


def test_patches_lie_on_the_papers_grid_and_keep_their_logits(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        found = region.map_region(reader, model, SETTINGS)
        patch = Detector(model, SETTINGS).patches_at(reader, [(150.0, 50.0)])
    assert found.patches == 6
    assert np.isfinite(found.evidence).all()
    assert found.evidence.shape == found.picture.shape[:2] == (200, 300)
    heat = map_evidence(model.network, model.card, patch).of_margin[0] / model.card.temperature
    # What the network said of the patch, enlarged and not scaled.
    assert found.evidence[:100, 100:200] == pytest.approx(enlarge_maps(heat[None], 100)[0], abs=1e-3)


def test_maps_on_candidates_cover_their_patches_alone(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        found = region.map_region(reader, model, SETTINGS, "candidates")
    assert found.patches == len(CELLS)
    assert np.isfinite(found.evidence[70, 60])
    assert np.isnan(found.evidence[199, 0])


def test_half_a_step_takes_more_patches_and_covers_the_same(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        once = region.map_region(reader, model, SETTINGS)
        twice = region.map_region(reader, model, SETTINGS, step_px=50)
    assert (once.patches, twice.patches) == (3 * 2, 5 * 3)
    assert np.isfinite(twice.evidence).all()


def test_nothing_is_drawn_outside_the_region(picture, model, tmp_path):
    triangle = [[(20.0, 20.0), (280.0, 20.0), (20.0, 180.0)]]
    with as_slide(picture, tmp_path) as reader:
        found = region.map_region(reader, model, Settings(0.25, 0.25, region_l0=triangle))
    assert (found.x_l0, found.y_l0) == (20, 20)
    assert found.evidence.shape == (160, 260)
    assert np.isfinite(found.evidence[5, 5])
    assert np.isnan(found.evidence[-5, -5])


def test_a_slide_of_another_pixel_size_is_mapped_in_its_own_pixels(picture, model, tmp_path):
    double = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    with as_slide(double, tmp_path) as reader:
        found = region.map_region(reader, model, Settings(0.125, 0.125, region_l0=region.box_polygon(200, 0, 200, 200)))
    assert found.evidence.shape == (100, 100)
    assert (found.x_l0, found.step_x_l0, found.mpp) == (200, 2, 0.25)


def test_a_region_too_large_off_the_slide_or_without_tissue_is_refused(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader, pytest.raises(RegionRefused, match="at most 4"):
        region.map_region(reader, model, Settings(20.0, 20.0))
    with as_slide(picture, tmp_path) as reader, pytest.raises(RegionRefused, match="outside the slide"):
        region.map_region(reader, model, Settings(0.25, 0.25, region_l0=region.box_polygon(900, 900, 10, 10)))
    glass = np.full((200, 300, 3), 245, np.uint8)
    with as_slide(glass, tmp_path) as reader, pytest.raises(RegionRefused, match="no tissue"):
        region.map_region(reader, model, SETTINGS)


def test_red_is_for_and_blue_against_by_one_scale_for_all():
    grey = np.full((1, 4, 3), 200, np.uint8)
    red, faint, none, blue = plots.tint_evidence(grey, np.array([[1.0, 0.2, np.nan, -5.0]]), 1.0)[0].astype(int)
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50
    assert none.tolist() == [200, 200, 200]
    assert 0 < faint[0] - faint[2] < red[0] - red[2]
    assert (plots.tint_evidence(grey, np.full((1, 4), -1.0), 1.0)[0, 0] == blue).all()


@pytest.mark.parametrize(("width_um", "bar_um"), [(75, 10), (415, 50), (1414, 200)])
def test_the_scale_bar_is_a_round_length(width_um, bar_um):
    assert plots.scale_bar_um(width_um) == bar_um


def test_the_command_writes_a_picture_with_a_legend_and_the_facts(frame, weights, tmp_path):
    asked = ("--region", frame, "--mpp", 0.25, "--model", weights, "--box", 100, 0, 200, 200, "--out", tmp_path / "out")
    assert explain(*asked) == 0
    drawn = Image.open(tmp_path / "out" / "field-evidence.png")
    facts = json.loads((tmp_path / "out" / "field-evidence.json").read_text())
    assert drawn.width >= plots.MIN_WIDTH_PX
    assert drawn.height > drawn.width
    assert (facts["x_l0"], facts["width_px"], facts["height_px"], facts["patches"]) == (100, 200, 200, 4)
    assert facts["comparable_between_patches"] is True
    assert facts["full_colour_logits_per_cell"] == plots.FULL_SCALE


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "--mpp"),
        (("--mpp", 0.25, "--box", 10, 10, 0, 50), "above 0"),
        (("--mpp", 0.25, "--scale", -1), "above 0"),
        (("--mpp", 0.25, "--step", 33), "choose 100 or 50"),
        (("--mpp", 0.25, "--region-geojson", "missing.geojson"), "missing.geojson"),
        (("--mpp", 0.25, "--model", "hybrid-99"), "There is no model hybrid-99"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_is_written(frame, weights, tmp_path, capsys, asked, said):
    given = asked if "--model" in asked else (*asked, "--model", weights)
    assert explain("--region", frame, "--out", tmp_path / "out", *given) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*"))


def test_a_file_that_is_no_slide_is_named(weights, tmp_path, capsys):
    broken = tmp_path / "broken.svs"
    broken.write_text("this is a text file")
    assert explain("--region", broken, "--mpp", 0.25, "--model", weights) == 1
    assert "broken.svs" in capsys.readouterr().err


def test_a_task_must_be_named_and_only_one(frame, capsys):
    for asked in ((), ("--region", frame, "--check", "sanity")):
        with pytest.raises(SystemExit):
            explain(*asked)


def test_the_unseen_slide_is_refused_by_the_command(weights, tmp_path, capsys):
    assert explain("--check", "pointing", "--model", weights, "--slides", "H05", "--data", tmp_path) == 1
    assert "H05 is kept unseen" in capsys.readouterr().err


def test_missing_data_is_named(weights, tmp_path, capsys):
    assert explain("--check", "pointing", "--model", weights, "--slides", "H03", "--data", tmp_path / "no") == 1
    assert "annotations.csv" in capsys.readouterr().err


def test_a_finished_run_points_at_the_slides_it_was_not_trained_on(weights, tmp_path, capsys, monkeypatch):
    from analysis.lab.explain import pointing

    run = tmp_path / "runs" / "fold"
    run.mkdir(parents=True)
    (run / "weights.safetensors").write_bytes(weights.read_bytes())
    (run / "run.json").write_text(json.dumps({"config": {"slides": ["H03", "H07", "H14", "H15"]}}))
    patches = np.stack([planted_tissue(100, 100, [(75.0, 50.0)])])
    given = []

    def few(data, slides, px, progress):
        given.append(slides)
        return pointing.Shifted(patches, np.array([(75.0, 50.0)]), np.array(["H04"]), {})

    monkeypatch.setattr(pointing, "shifted_windows", few)
    assert explain("--check", "pointing", "--model", "fold", "--runs", tmp_path / "runs", "--json") == 0
    assert given == [("H04", "A00", "A01", "A02", "A04")]
    found = json.loads(capsys.readouterr().out)
    assert found["networks"] == [{"model": "fold", "slides": list(*given), "trained_on": []}]
    assert found["windows"] == 1
