"""Figures in the document come from files, and the document that ships says what its files say."""

import json
import re
from pathlib import Path

import pytest

from analysis.lab.reproduce import tables
from analysis.lab.reproduce.document import MARK, render_document
from analysis.lab.reproduce.metrics import Metrics
from analysis.pipeline.cards.store import list_models
from analysis.pipeline.errors import PipelineRefused

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "MODEL.md"
CONFIGS = ROOT / "analysis" / "lab" / "configs" / "README.md"


@pytest.fixture
def figures(tmp_path) -> Metrics:
    (tmp_path / "development.json").write_text(json.dumps({"detection": {"f1": 0.7034, "f1_95": [0.66, 0.74]}}))
    return Metrics.at(tmp_path)


def test_a_figure_is_written_between_its_marks_and_the_rest_is_left(figures):
    text = "F1 <!-- figure:development/detection/f1|.2f -->old<!-- end -->, from 1.5 slides"
    written, missing = render_document(text, figures)
    assert written == "F1 <!-- figure:development/detection/f1|.2f -->0.70<!-- end -->, from 1.5 slides"
    assert missing == []
    assert render_document(written, figures)[0] == written


def test_one_number_of_a_list_is_named_by_its_place(figures):
    assert figures.text("development/detection/f1_95/1|.2f") == "0.74"


def test_a_figure_without_a_file_says_so_and_is_named(figures):
    written, missing = render_document("<!-- figure:speed/candidates_over_grid|.2f --><!-- end -->", figures)
    assert "-->not measured<!--" in written
    assert missing == ["speed/candidates_over_grid|.2f"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- table:gaols -->\n<!-- end -->", "no table gaols"),
        ("<!-- figure:development/detection/f1 -->0.7", "no <!-- end -->"),
        ("<!-- figure:development/detection|.2f --><!-- end -->", "cannot be written"),
    ],
)
def test_a_mark_that_cannot_be_filled_is_refused(figures, text, words):
    with pytest.raises(PipelineRefused, match=words):
        render_document(text, figures)


def test_a_file_of_figures_that_is_no_json_is_named(tmp_path):
    (tmp_path / "speed.json").write_text("{")
    with pytest.raises(PipelineRefused, match=r"speed\.json is no JSON"):
        Metrics.at(tmp_path)


def test_the_document_that_ships_says_what_its_files_say():
    # Of the newest version that ships, also while the next one is being made.
    card = list_models()[-1].path.with_suffix(".json")
    text = DOCUMENT.read_text()
    written, _ = render_document(text, Metrics.at(DOCUMENT.parent / "model", card))
    assert written == text, "run: mitosis reproduce … --stages none --weights analysis/weights --document docs/MODEL.md"


def test_the_document_has_every_table_once():
    names = [name for kind, name, _ in MARK.findall(DOCUMENT.read_text()) if kind == "table"]
    assert sorted(names) == sorted(tables.TABLES)


def test_the_runs_shares_of_the_trainings_time_are_what_they_took():
    runs = json.loads((DOCUMENT.parent / "model" / "cost.json").read_text())["runs"]
    whole = sum(run["seconds"] for run in runs.values())
    rows = [line.split("|") for line in CONFIGS.read_text().splitlines() if re.match(r"\| `.* % \|$", line)]
    told = {
        name: int(share)
        for row in rows
        for name, share in zip(re.findall("`([^`]+)`", row[1]), re.findall(r"(\d+) %", row[3]), strict=True)
    }
    assert told == {name: round(100 * run["seconds"] / whole) for name, run in runs.items()}
