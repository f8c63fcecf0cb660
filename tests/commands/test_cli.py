"""The command line's contract: everything that measures the product reads these files."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import slides.demo
from analysis.commands.cli import main
from analysis.pipeline.cards.card import Elsewhere
from analysis.pipeline.cards.store import list_models
from tests.factories import write_tiff
from tests.pipeline.makers import planted_tissue, write_model

KEYS = {
    "image", "width", "height", "mpp", "mpp_x", "mpp_y", "mpp_source", "model",
    "threshold", "area_mm2", "seconds", "candidates", "detections",
}  # fmt: skip
CELLS = [(60.0, 70.0), (160.0, 150.0)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("weights"), "random-1")


@pytest.fixture
def frame(tmp_path) -> Path:
    return picture(tmp_path / "field one.png")


def picture(path: Path, cells=CELLS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(planted_tissue(260, 240, cells), cv2.COLOR_RGB2BGR))
    return path


def detect(*arguments) -> int:
    return main(["detect", *map(str, arguments)])


def test_detect_writes_one_json_per_image_with_the_contracts_keys(frame, weights, tmp_path):
    assert detect(frame, "--mpp", 0.25, "--model", weights, "--out", tmp_path / "out") == 0
    result = json.loads((tmp_path / "out" / "field one.json").read_text())
    assert result.keys() >= KEYS
    assert (result["width"], result["height"]) == (260, 240)
    assert (result["mpp"], result["mpp_x"], result["mpp_y"], result["mpp_source"]) == (0.25, 0.25, 0.25, "given")
    assert result["model"] == "random-1"
    assert result["area_mm2"] == pytest.approx(260 * 240 * 0.25**2 * 1e-6, rel=0.05)
    assert result["seconds"] >= 0
    assert all(set(place) == {"x_l0", "y_l0"} for place in result["candidates"])
    for found in result["detections"]:
        assert set(found) == {"x_l0", "y_l0", "probability", "mitosis"}
        assert found["mitosis"] == (found["probability"] >= result["threshold"])
    for x, y in CELLS:
        assert sum(np.hypot(c["x_l0"] - x, c["y_l0"] - y) < 8 for c in result["candidates"]) == 1


def test_detect_warns_of_a_scanner_that_a_weak_model_has_not_seen(frame, tmp_path, capsys):
    elsewhere = Elsewhere(("Aperio CS2",), 0.52, 0.6)
    weights = write_model(tmp_path, "weak-1", elsewhere=elsewhere)
    assert detect(frame, "--mpp", 0.25, "--model", weights, "--out", tmp_path / "out") == 0
    validity = json.loads((tmp_path / "out" / "field one.json").read_text())["validity"]
    assert any("reached a detection F1 of 0.52" in reason for reason in validity["reasons"])


def test_an_image_without_a_pixel_size_is_refused_and_told_about_mpp(frame, weights, tmp_path, capsys):
    assert detect(frame, "--model", weights, "--out", tmp_path) == 1
    error = capsys.readouterr().err
    assert "--mpp" in error
    assert "field one.png" in error
    assert not list(tmp_path.glob("*.json"))


def test_a_pixel_size_in_doubt_waits_for_a_persons_word(weights, tmp_path, capsys):
    image = cv2.cvtColor(cv2.imread(str(picture(tmp_path / "x.png"))), cv2.COLOR_BGR2RGB)
    path = write_tiff(tmp_path / "x.tif", image, (0.25, 0.6), factors=(1,))
    common = (path, "--model", weights, "--out", tmp_path)
    assert detect(*common) == 1
    error = capsys.readouterr().err
    assert "The file says 0.25 by 0.6 µm/px" in error
    assert "--mpp" in error and "--as-told" in error
    for more, doubts, mpp_y in ((["--mpp", 0.25], [], 0.25), (["--as-told"], ["pixel_size_contradicted"], 0.6)):
        assert detect(*common, *more) == 0
        result = json.loads((tmp_path / "x.json").read_text())
        assert (result["doubts"], round(result["mpp_y"], 3)) == (doubts, mpp_y)


def test_what_cannot_be_read_is_named_and_the_others_go_on(frame, weights, tmp_path, capsys):
    broken, missing = tmp_path / "broken.svs", tmp_path / "missing.svs"
    broken.write_text("this is a text file")
    assert detect(broken, missing, frame, "--mpp", 0.25, "--model", weights, "--out", tmp_path) == 1
    error = capsys.readouterr().err
    assert "broken.svs" in error
    assert "missing.svs" in error
    assert [path.name for path in tmp_path.glob("*.json")] == ["field one.json"]


def test_two_inputs_that_would_write_the_same_file_are_refused(frame, weights, tmp_path, capsys):
    other = picture(tmp_path / "b" / "field one.png")
    assert detect(frame, other, "--mpp", 0.25, "--model", weights, "--out", tmp_path) == 1
    assert "would both write field one.json" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("mpp", ["0", "1e9", "-1", "nan"])
def test_an_absurd_pixel_size_is_refused(frame, weights, tmp_path, capsys, mpp):
    assert detect(frame, "--mpp", mpp, "--model", weights, "--out", tmp_path) == 1
    assert "absurd" in capsys.readouterr().err


def test_an_old_result_stays_when_a_new_one_fails(frame, weights, tmp_path):
    (tmp_path / "field one.json").write_text("old")
    assert detect(frame, "--model", weights, "--out", tmp_path) == 1
    assert (tmp_path / "field one.json").read_text() == "old"


@pytest.mark.parametrize(
    ("ring", "sentence"),
    [
        ([[0, 0], [100, 100], [0, 100], [100, 0], [0, 0]], "crosses"),
        ([[900, 900], [990, 900], [990, 990], [900, 900]], "outside the slide"),
    ],
)
def test_a_region_that_holds_nothing_is_refused_in_words(frame, weights, tmp_path, capsys, ring, sentence):
    region = tmp_path / "region.geojson"
    region.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert detect(frame, "--mpp", 0.25, "--model", weights, "--region", region, "--out", tmp_path) == 1
    assert sentence in capsys.readouterr().err


def test_a_region_limits_what_is_analysed(frame, weights, tmp_path):
    region = tmp_path / "region.geojson"
    ring = [[100, 100], [240, 100], [240, 220], [100, 220], [100, 100]]
    region.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert detect(frame, "--mpp", 0.25, "--model", weights, "--region", region, "--out", tmp_path) == 0
    result = json.loads((tmp_path / "field one.json").read_text())
    assert result["area_mm2"] == pytest.approx(140 * 120 * 0.25**2 * 1e-6)
    assert [(round(c["x_l0"], -1), round(c["y_l0"], -1)) for c in result["candidates"]] == [(160, 150)]


def test_a_model_that_is_a_pickle_or_missing_is_refused_in_words(frame, tmp_path, capsys):
    pickle = tmp_path / "model.pt"
    pickle.write_bytes(b"\x80\x04K\x01.")
    assert detect(frame, "--mpp", 0.25, "--model", pickle, "--out", tmp_path) == 1
    assert "could run code" in capsys.readouterr().err
    assert detect(frame, "--mpp", 0.25, "--model", "hybrid-99", "--out", tmp_path) == 1
    assert "no model hybrid-99; at hand: " in capsys.readouterr().err


def test_grid_mode_proposes_the_papers_patches(frame, weights, tmp_path):
    assert detect(frame, "--mpp", 0.25, "--mode", "grid", "--model", weights, "--out", tmp_path) == 0
    places = json.loads((tmp_path / "field one.json").read_text())["candidates"]
    assert [(p["x_l0"], p["y_l0"]) for p in places] == [
        (50 + 100 * i, 50 + 100 * j) for j in range(2) for i in range(3)
    ]


def test_models_lists_what_is_at_hand_as_json(capsys):
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [file.name for file in list_models()]
    for row in rows:
        assert {"name", "parameters", "sha256", "threshold", "metrics"} <= row.keys()
        assert row["parameters"] == 3_075_348


def test_help_answers_without_loading_torch():
    code = "import sys\nfrom analysis.commands.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'cv2' not in sys.modules"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "detect" in answer.stdout


def test_the_module_is_the_command():
    answer = subprocess.run([sys.executable, "-m", "analysis.commands", "detect"], capture_output=True, text=True)
    assert answer.returncode == 2
    assert "usage: mitosis detect" in answer.stderr


def test_the_shipped_model_finds_the_figures_of_the_teaching_sheet(tmp_path):
    sheet = Path(slides.demo.__file__).parent / "teaching_sheet.tiff"
    assert detect(sheet, "--out", tmp_path) == 0
    result = json.loads((tmp_path / "teaching_sheet.json").read_text())
    truth = json.loads(sheet.with_suffix(".json").read_text())["points"]
    labels = np.array([(p["x_l0"], p["y_l0"]) for p in truth]) * 0.25
    called = np.array([(d["x_l0"], d["y_l0"]) for d in result["detections"] if d["mitosis"]]).reshape(-1, 2) * 0.25
    hits = sum((np.hypot(*(called - label).T) <= 7.5).any() for label in labels)
    assert result["mpp_source"] == "file"
    assert hits / len(labels) > 0.4


@pytest.mark.needs_data
def test_the_shipped_model_works_on_a_real_field(data_dir, tmp_path):
    assert detect(data_dir / "mitos14/frames/H03_00Aa.jpg", "--mpp", 0.2273, "--out", tmp_path) == 0
    result = json.loads((tmp_path / "H03_00Aa.json").read_text())
    assert result["area_mm2"] == pytest.approx(1663 * 1485 * 0.2273**2 * 1e-6, rel=0.01)
    assert 10 < len(result["candidates"]) <= 1000 * result["area_mm2"]
    assert any(np.hypot(d["x_l0"] - 1178, d["y_l0"] - 1322) * 0.2273 <= 7.5 for d in result["detections"])


@pytest.mark.needs_data
def test_broken_slides_are_refused_one_by_one(data_dir, weights, tmp_path, capsys):
    broken = sorted((data_dir / "slides").glob("broken_*"))
    assert broken
    assert detect(*broken, "--mpp", 0.25, "--model", weights, "--out", tmp_path) == 1
    error = capsys.readouterr().err
    assert all(path.name in error for path in broken)
    assert not list(tmp_path.iterdir())
