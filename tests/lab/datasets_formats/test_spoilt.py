"""Whatever is done to a label file, it is read or refused in words: no reader fails in another way."""

import json

import numpy as np
import pytest

from analysis.lab.datasets.readers import parse_labels
from analysis.lab.errors import DatasetRefused
from tests.lab.datasets_formats import makers

ODD = [None, True, 1e400, "x", [1], {"id": 1}, 10**30]
PIXELS = ",".join(f"{x},{y}" for y in range(20) for x in range(10))
GEOJSON = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]},
            "properties": {
                "classification": {"name": "Mitosis"},
                "metadata": {"mpp_x": "0.25", "model": "h", "verdict of ann": "mitosis, agree"},
            },
        }
    ],
}


def files(folder) -> list:
    return [
        makers.midog(folder, [([0, 0, 50, 50], 1), ([100, 100, 150, 150], 2)]),
        makers.text(folder, "a.geojson", json.dumps(GEOJSON)),
        makers.text(folder, "p.csv", "image;x;y;label;mpp;split\r\na.png;1,5;2;mf;0.25;train\r\n"),
        makers.text(
            folder, "e.csv", "x_l0,y_l0,model_call,mpp_source,mpp_x,verdict a\n1,2,mitosis,file,0.25,mitosis\n"
        ),
        makers.text(folder, "23/01.csv", "1,2\n3,4\n"),
        makers.text(folder, "A03_00Aa_mitosis.csv", "1,2,0.8\n"),
        makers.text(folder, "A00_00.csv", PIXELS),
        makers.sliderunner(folder, [(1, 1, 2, 0, ((1, 2), (3, 4)), (2, 1))]),
    ]


def read_or_refuse(path) -> None:
    try:
        for fault in parse_labels(path).faults:
            assert str(fault).startswith(fault.file.name)
    except DatasetRefused:
        pass


@pytest.mark.parametrize("index", range(8))
def test_spoilt_bytes_are_read_or_refused(tmp_path, index):
    path = files(tmp_path)[index]
    whole, rng = path.read_bytes(), np.random.default_rng(index)
    for _ in range(60):
        spoilt = bytearray(whole)
        start = int(rng.integers(len(spoilt)))
        kind = rng.integers(3)
        if kind == 0:
            del spoilt[start : start + int(rng.integers(1, 40))]
        elif kind == 1:
            spoilt[start] = int(rng.integers(256))
        else:
            spoilt[start:start] = [b"\r\n", b'"', b",,,", b"nan", b"\0", b"9" * 400, b";"][int(rng.integers(7))]
        path.write_bytes(spoilt)
        read_or_refuse(path)


def spoilt_values(value):
    """The document with each of its parts replaced, one at a time, by each odd value."""
    yield from ODD
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(items):
        for other in spoilt_values(part):
            if isinstance(value, dict):
                yield value | {key: other}
            else:
                yield [*value[:key], other, *value[key + 1 :]]


@pytest.mark.parametrize("index", [0, 1], ids=["MIDOG JSON", "GeoJSON"])
def test_json_with_odd_values_is_read_or_refused(tmp_path, index):
    path = files(tmp_path)[index]
    whole = json.loads(path.read_text())
    for document in spoilt_values(whole):
        path.write_text(json.dumps(document))
        read_or_refuse(path)
