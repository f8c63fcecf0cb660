"""`mitosis detect --subtypes`: a hint for each mitosis, nothing else changed."""

import json

import cv2
import pytest

from analysis.commands import cli
from analysis.pipeline.subtypes import hints, store
from tests.pipeline.makers import planted_tissue, write_model
from tests.pipeline.subtypes.makers import some_heads


@pytest.fixture
def detect(tmp_path):
    """Runs the command on a picture with two nuclei and returns its exit status and, where there is one, the result."""
    weights = write_model(tmp_path, "random-1")
    picture = tmp_path / "field.png"
    cv2.imwrite(str(picture), planted_tissue(200, 180, [(60, 70), (140, 110)])[..., ::-1])

    def run(*more) -> tuple[int, dict | None]:
        out = tmp_path / "out"
        how = ["--mpp", "0.25", "--model", str(weights), "--threshold", "0", "--out", str(out)]
        code = cli.main(["detect", str(picture), *how, *more])
        found = out / "field.json"
        return code, json.loads(found.read_text()) if found.exists() else None

    return run


def test_a_hint_is_added_to_mitoses_and_the_rest_stays_as_it_was(detect, monkeypatch):
    for module in (hints, store):
        monkeypatch.setattr(module, "heads_for", lambda sha256, folder=None: some_heads(sha256))
    _, plain = detect()
    code, hinted = detect("--subtypes")
    assert code == 0
    assert hinted["detections"]
    for found in hinted["detections"]:
        hint = found.pop("subtype_hint")
        assert set(hint) == {"subtype", "phase", "balanced_accuracy", "heads"}
    assert hinted["detections"] == plain["detections"]


def test_a_model_without_heads_is_refused_before_anything_is_done(detect, capsys):
    assert detect("--subtypes") == (1, None)
    assert "There are no heads of type and phase for random-1" in capsys.readouterr().err
