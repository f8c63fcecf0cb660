"""The whole chain on a few real frames and crops: it runs, is resumed, and fills the document."""

import json
from pathlib import Path

import pytest
from django.conf import settings

from analysis.commands.cli import main
from analysis.lab.reproduce.quick import SLIDES, make_small_data
from analysis.pipeline.cards.store import load_model

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "analysis" / "lab" / "configs" / "reproduce.toml"


@pytest.mark.needs_data
@pytest.mark.timeout(900)
def test_the_quick_chain_goes_from_real_pixels_to_the_document_and_is_done_once(tmp_path, capsys):
    command = ["reproduce", str(CONFIG), "--quick", "--threads", "1", "--data", settings.DATA_DIR]
    command = [str(word) for word in [*command, "--out", tmp_path, "--document", ROOT / "docs" / "MODEL.md"]]
    assert main(command) == 0
    out = tmp_path / "quick"
    card = load_model(out / "weights" / "quick.safetensors").card
    assert card.training["config"]["slides"] == list(SLIDES)
    made = {path.stem for path in (out / "figures").glob("*.json")}
    assert json.loads((out / "figures" / "scanner.json").read_text())["slides"] == ["A02"]
    assert json.loads((out / "figures" / "ordinary.json").read_text())["tiles"] == 1
    assert made >= {"data", "patches", "normaliser", "development", "colours", "pointing", "cost", "subtypes", "speed"}
    assert json.loads((out / "figures" / "development.json").read_text())["slides"] == list(SLIDES)
    document = (out / "MODEL.md").read_text()
    assert f"<!-- figure:card/threshold|.2f -->{card.threshold:.2f}<!-- end -->" in document
    assert "H05" not in {path.name[:3] for path in (out / "data" / "mitos14" / "frames").iterdir()}
    capsys.readouterr()
    assert main(command) == 0
    assert "0 of" in capsys.readouterr().err


@pytest.mark.needs_data
def test_the_small_data_are_real_labels_of_two_frames_a_slide(tmp_path):
    folder = make_small_data(Path(settings.DATA_DIR), tmp_path)
    names = [path.name for path in (folder / "mitos14" / "frames").iterdir()]
    assert sorted({name[:3] for name in names}) == list(SLIDES)
    assert [path.name[:3] for path in (folder / "mitos12a" / "images").iterdir()] == ["A02"]
    assert len(names) == 2 * len(SLIDES)
    assert all(path.exists() for path in folder.rglob("*.jpg"))


def test_a_quick_chain_does_not_look_at_the_report_slide(tmp_path, capsys):
    assert main(["reproduce", str(CONFIG), "--quick", "--look-at-h05", "--out", str(tmp_path)]) == 1
    assert "leave out --look-at-h05" in capsys.readouterr().err
