"""`mitosis train` tells from a file's keys which of the two networks it is for."""

from pathlib import Path

import pytest

from analysis.commands import cli
from analysis.commands.train import read_training
from analysis.lab.finder.training import FinderConfig
from analysis.lab.train import TrainConfig
from analysis.lab.train import config as configuration
from tests.lab.train.conftest import CONFIG

CONFIGS = Path(configuration.__file__).parents[1] / "configs"
FINDER = 'name = "f"\nslides = ["H03"]\ncrops = []\nsteps = 4\nbfloat16 = false\n'


def said(path: Path, content: str, capsys) -> str:
    """What the command says of a file that it refuses."""
    path.write_text(content)
    assert cli.main(["train", str(path), "--data", str(path.parent), "--runs", str(path.parent)]) == 1
    return capsys.readouterr().err


def test_every_configuration_of_the_project_is_told_by_its_keys():
    finders = sorted((CONFIGS / "finder").glob("*.toml"))
    assert len(finders) >= 4
    assert all(isinstance(read_training(path)[0], FinderConfig) for path in finders)
    others = [path for path in CONFIGS.glob("*.toml") if path.stem != "reproduce"]
    assert all(isinstance(read_training(path)[0], TrainConfig) for path in others)


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [("steps", "step", "steps"), ("steps", "stesp", "steps"), ("bfloat16", "bfloat", "bfloat16")],
)
def test_a_misspelt_key_of_a_finder_is_named_with_the_one_that_was_meant(tmp_path, capsys, right, wrong, meant):
    refusal = said(tmp_path / "f.toml", FINDER.replace(right, wrong), capsys)
    assert f"f.toml is no configuration of a finder: {wrong} is unknown; did you mean {meant}?" in refusal


@pytest.mark.parametrize("wrong", ["stage", "stagse"])
def test_a_misspelt_key_of_the_second_network_is_named_with_the_one_that_was_meant(tmp_path, capsys, wrong):
    refusal = said(tmp_path / "t.toml", CONFIG.replace("stages", wrong), capsys)
    assert f"t.toml is no training configuration: {wrong} is unknown; did you mean stages?" in refusal


def test_a_file_that_is_no_toml_or_is_not_there_is_named(tmp_path, capsys):
    assert "bad.toml is no training configuration" in said(tmp_path / "bad.toml", "name = [", capsys)
    assert cli.main(["train", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
