"""The labelled figures: what is read, what cannot be learned from and is refused."""

import numpy as np
import pytest

from analysis.lab.subtypes.labels import COLUMNS, read_rows, refuse_unlearnable
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.subtypes import PHASES, SUBTYPES
from tests.pipeline.subtypes.makers import write_manifest

ROW = ("a.jpg", "001.tiff", "Aperio CS2", "normal", "NMF metaphase")


def test_rows_are_read_in_the_order_of_their_files(tmp_path):
    path = write_manifest(tmp_path, [("b.jpg", *ROW[1:]), ROW])
    assert [row["file"] for row in read_rows(path)] == ["a.jpg", "b.jpg"]


def test_a_manifest_without_a_column_is_refused_by_its_name(tmp_path):
    path = write_manifest(tmp_path, [ROW[:-1]], COLUMNS[:-1])
    with pytest.raises(PipelineRefused, match="manifest.csv lacks the column phase_expert1"):
        read_rows(path)


def test_an_unknown_subtype_is_refused_with_its_line(tmp_path):
    path = write_manifest(tmp_path, [ROW, (*ROW[:3], "odd", ROW[4])])
    with pytest.raises(PipelineRefused, match="line 3: the subtype 'odd' is none of normal and atypical"):
        read_rows(path)


def test_a_missing_manifest_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(PipelineRefused, match="--data"):
        read_rows(tmp_path / "midog21" / "manifest.csv")


def test_an_empty_class_is_refused_by_its_name():
    with pytest.raises(PipelineRefused, match="No figure is labelled anaphase_telophase; figures of prometaphase, met"):
        refuse_unlearnable(np.array([0, 1, -1, 0]), np.array(["1", "2", "1", "2"]), PHASES)


def test_one_slide_only_is_refused():
    with pytest.raises(PipelineRefused, match="from one slide"):
        refuse_unlearnable(np.array([0, 1, 0, 1]), np.array(["1"] * 4), SUBTYPES)


def test_a_class_on_one_slide_only_is_refused_by_its_name():
    with pytest.raises(PipelineRefused, match="labelled atypical are from one slide"):
        refuse_unlearnable(np.array([0, 1, 0, 1]), np.array(["1", "1", "2", "1"]), SUBTYPES)
