"""The check of a model file: nothing hostile gets through, runs code or leaves anything. Its child is closed in."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis.services import model_files
from mitoweb.lib.errors import Refused
from slides.wsi.sandbox import limits, one_task
from tests.analysis.hostile_models import SHIPPED, Hostile


@dataclass(frozen=True)
class Checked:
    """What one child says of all files, which loads torch once. words: those of each refusal, by the file's name."""

    folder: Path
    canary: Path
    words: dict[str, str]
    before: list[str]
    answers: dict[str, dict]
    peak_mb: int


@pytest.fixture(scope="module")
def checked(tmp_path_factory) -> Checked:
    """Hostile files, the shipped version among them, and last one in a folder that was not given to the child."""
    root = tmp_path_factory.mktemp("models")
    folder, canary, other = root / "brought", root / "canary", root / "other.safetensors"
    words = Hostile(folder, canary).write_all()
    other.write_bytes(SHIPPED.read_bytes())
    before = list_names(folder)
    paths = [*(folder / f"{name}.safetensors" for name in words), SHIPPED, other]
    seen = [model_files.CODE, folder, SHIPPED.parent]
    said = one_task.answer_of(model_files.CHECK, [str(path) for path in paths], seen, None, 300)
    answers = {path.stem: answer for path, answer in zip(paths, said["answers"], strict=True)}
    return Checked(folder, canary, words, before, answers, said["peak_mb"])


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_hostile_file_gets_through_runs_code_or_leaves_anything(checked):
    assert len(checked.words) >= 25
    wrong = {
        name: checked.answers[name]
        for name, expected in checked.words.items()
        if expected not in checked.answers[name].get("refused", "")
    }
    assert not wrong, "not refused in the words that belong to it"
    assert not checked.canary.exists(), "code in a file was run"
    assert list_names(checked.folder) == checked.before
    assert checked.peak_mb <= 1024


def test_the_shipped_version_passes_with_what_the_crops_say_of_it(checked):
    answer = checked.answers[SHIPPED.stem]
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
def test_the_check_sees_no_other_file_than_those_it_was_given(checked):
    assert "cannot be read" in checked.answers["other"]["refused"]
