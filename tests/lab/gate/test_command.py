"""`mitosis gate` from a locked set's folder to the report and its pictures, with networks that were not trained."""

import json

import cv2
import numpy as np
import pytest

from analysis.commands.cli import main
from analysis.lab.gate.locked_set_folder import LockedFrame, write_locked_set
from tests.pipeline.makers import planted_tissue, random_network, write_model

CELLS = [(60.0, 60.0), (150.0, 200.0), (240.0, 90.0), (260.0, 250.0)]
SIDE = 320


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    calling = {"floor": 0.0, "threshold": 0.0}
    old = write_model(folder, "old", random_network(0), **calling)
    new = write_model(folder, "new", random_network(1), **calling | {"threshold": 0.999})
    return old, new


def locked_folder(root, cases=("a", "b")):
    def frames():
        for case in cases:
            rgb = planted_tissue(SIDE, SIDE, CELLS if case == "a" else CELLS[:2])
            labels = np.array(CELLS[:2]), np.array(CELLS[2:]), np.zeros((0, 2))
            area_mm2 = (SIDE * 0.25e-3) ** 2
            yield LockedFrame(case, f"slide of {case}", "S360", "breast", *labels, area_mm2), rgb

    return write_locked_set(root, frames()).folder


def test_a_report_in_words_and_one_in_a_folder(versions, tmp_path, capsys):
    folder, out = locked_folder(tmp_path / "sets"), tmp_path / "out"
    assert main(["gate", *map(str, (*versions, folder)), "--out", str(out)]) == 4
    told = capsys.readouterr().out
    assert "new against old: needs a person. The locked set holds 2 cases and 4 agreed mitoses" in told
    report = json.loads((out / "gate.json").read_text())
    assert (report["verdict"], report["locked"]["hash"]) == ("person", folder.name)
    found = {clause["code"]: clause for clause in report["clauses"]}
    assert found["f1"]["measured"]["candidate"] == 0.0
    assert found["repeats"]["says"] == "pass"
    assert found["cost"]["measured"]["base"] > 0
    assert {flip["kind"] for flip in report["flips"]} == {"lost", "gone_false"}
    assert {path.name for path in out.glob("*.png")} == {"f1.png", "froc.png", "calibration.png"}
    crops = sorted((out / "flips").iterdir())
    assert len(crops) == len(report["flips"])
    first = cv2.imread(str(crops[0]))
    assert first.shape == (256, 256, 3)
    assert first[128, 128].mean() < 120, "the crop is centred on the dark nucleus that was lost"


@pytest.mark.parametrize(
    ("change", "says"),
    [("folder", "holds no locked set"), ("model", "There is no model"), ("same", "nothing to compare")],
)
def test_what_cannot_be_compared_is_refused_in_words(versions, tmp_path, capsys, change, says):
    old, new = map(str, versions)
    folder = tmp_path if change == "folder" else locked_folder(tmp_path, ("a",))
    given = {"model": [old, "hybrid-99"], "same": [old, old]}.get(change, [old, new])
    assert main(["gate", *given, str(folder)]) == 1
    assert says in capsys.readouterr().err
