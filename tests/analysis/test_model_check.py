"""The check of a model file: nothing hostile gets through, runs code or leaves anything. Its child is closed in."""

import os

import pytest

from analysis.services import model_files
from mitoweb.lib.errors import Refused
from slides.wsi.sandbox import limits, one_task
from tests.analysis.hostile_models import SHIPPED, Hostile


def check_all(paths, folder) -> dict:
    arguments = [str(path) for path in paths]
    return one_task.answer_of(model_files.CHECK, arguments, [model_files.CODE, folder], None, 300)


def test_no_hostile_file_gets_through_runs_code_or_leaves_anything(tmp_path):
    folder, canary = tmp_path / "brought", tmp_path / "canary"
    words = Hostile(folder, canary).write_all()
    before = sorted(path.name for path in folder.iterdir())
    assert len(words) >= 25
    said = check_all([folder / f"{name}.safetensors" for name in words], folder)
    wrong = {
        name: answer
        for (name, expected), answer in zip(words.items(), said["answers"], strict=True)
        if expected not in answer.get("refused", "")
    }
    assert not wrong, "not refused in the words that belong to it"
    assert not canary.exists(), "code in a file was run"
    assert sorted(path.name for path in folder.iterdir()) == before
    assert said["peak_mb"] <= 1024


def test_the_shipped_version_passes_with_what_the_crops_say_of_it():
    (answer,) = check_all([SHIPPED], SHIPPED.parent)["answers"]
    assert (answer["name"], len(answer["sha256"])) == (SHIPPED.stem, 64)
    assert answer["canary"]["auc"] > 0.9 and answer["canary"]["auc_network"] > 0.9
    assert answer["canary"]["called"] > 0.8 and answer["canary"]["called_ordinary"] < 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a link"),
        (lambda path: path.with_suffix(".json").symlink_to("/etc/passwd"), "json is a link"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: os.mkfifo(path), "is no file"),
    ],
)
def test_what_is_no_plain_file_is_refused_before_anything_opens_it(tmp_path, make, words):
    path = tmp_path / "brought.safetensors"
    make(path)
    with pytest.raises(Refused, match=words):
        model_files.check_file(path)


@pytest.mark.skipif(not limits.hides_files(), reason="this machine hides no files from a child")
def test_the_check_sees_no_other_file_than_the_one_it_was_given(tmp_path):
    (tmp_path / "given").mkdir()
    other = tmp_path / "other.safetensors"
    other.write_bytes(SHIPPED.read_bytes())
    (answer,) = check_all([other], tmp_path / "given")["answers"]
    assert "cannot be read" in answer["refused"]
