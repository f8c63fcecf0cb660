"""What the product exports can be read as labels again: written here by the export's own code."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.lab.datasets.readers import parse_labels, read_labels
from analysis.lab.datasets.records import OTHER
from analysis.services import exports as product
from tests.lab.datasets_formats import makers

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Export(product.Export):
    """An export of given rows, without a database."""

    def __init__(self, rows: list) -> None:
        self._rows = rows
        self.readers = {1: "ann", 2: "bob"}
        self.mpp = (0.25, 0.25)
        self.qupath_origin_l0 = (30, 20)  # of a slide that QuPath crops

    def read_rows(self):
        return iter(self._rows)

    def list_areas(self, frame: dict[str, str]):
        return iter(())

    def describe_count(self) -> dict:
        return {"counted_in": "all that was analysed", "confirmed": 2}

    def describe_provenance(self) -> dict:
        return {"model": "hybrid-0.1", "mpp_x": 0.25, "mpp_y": 0.25, "mpp_source": "file", "software": "MitoWeb 0"}


def row(number: int, call: str, *labels: str):
    said = {
        reader: SimpleNamespace(
            label=label, reason="", comment="=1+1, said; so", at=AT, phase="", atypical=False, purpose="validate"
        )
        for reader, label in enumerate(labels, 1)
    }
    return product.ExportRow(
        f"id{number}", number, "detection", 100.0 * number, 50.5, 0.9, call, "", said, ["ann: a ring, or two"]
    )


ROWS = [
    row(1, "mitosis", "mitosis", "mitosis"),
    row(2, "mitosis", "not_mitosis"),
    row(3, "mitosis", "mitosis", "not_mitosis"),
    row(4, "mitosis"),
    row(5, "not_mitosis", "unsure"),
]


@pytest.mark.parametrize(("suffix", "parts"), [("csv", product._write_csv), ("geojson", product._write_geojson)])
def test_an_export_is_read_with_its_readers_verdicts_and_not_with_the_models_calls(tmp_path, suffix, parts):
    path = makers.text(tmp_path, f"Case-7-slide-A-0123abcd.{suffix}", "".join(parts(Export(ROWS))))
    [image] = read_labels(path)
    assert [(label.x_l0, label.y_l0) for label in image.labels] == [(100.0 * n, 50.5) for n in range(1, 6)]
    assert [label.kind for label in image.labels] == [MITOSIS, LOOK_ALIKE, OTHER, OTHER, OTHER]
    assert [label.votes for label in image.labels] == [
        (MITOSIS, MITOSIS),
        (LOOK_ALIKE,),
        (MITOSIS, LOOK_ALIKE),
        (),
        (OTHER,),
    ]
    assert (image.name, image.mpp, image.mpp_source) == ("Case-7-slide-A", 0.25, "given")
    assert [fault.what for fault in parse_labels(path).faults if fault.code == "not_judged"] == [
        "1 of 5 places have no reader's verdict and count as no label"
    ]


def test_a_shortened_line_of_an_export_is_refused(tmp_path):
    lines = list(product._write_csv(Export(ROWS)))
    path = makers.text(tmp_path, "a-0123abcd.csv", "".join(lines[:2]) + lines[2].rsplit(",", 2)[0] + "\n")
    with pytest.raises(ValueError, match="line 3: .* columns instead of"):
        read_labels(path)


def test_geojson_that_a_person_drew_in_qupath_is_read_by_its_classes(tmp_path):
    path = makers.text(
        tmp_path,
        "slide.geojson",
        """{"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [10, 20]},
         "properties": {"objectType": "annotation", "classification": {"name": "Mitosis", "color": [1, 2, 3]}}},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 6], [0, 0]]]},
         "properties": {"objectType": "annotation", "classification": {"name": "Non-mitosis"}}}]}""",
    )
    [image] = read_labels(path)
    assert [(label.x_l0, label.y_l0, label.kind, label.line) for label in image.labels] == [
        (10, 20, MITOSIS, 2),
        (5, 3, LOOK_ALIKE, 4),
    ]
