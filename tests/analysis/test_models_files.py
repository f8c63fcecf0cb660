"""Model files: those that came with the program, and those an administrator adds; broken ones leave nothing behind."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from analysis.models import Activation, ModelVersion
from analysis.pipeline.cards.card import read_card
from analysis.services import model_files, model_versions
from mitoweb.people.models import AuditEntry
from tests.analysis.learning.test_locked_set import read_slide
from tests.analysis.makers import ModelVersionFactory, network_file, trained_file
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def models_root(tmp_path, settings):
    settings.MODELS_ROOT = tmp_path / "models"
    return settings.MODELS_ROOT


def copy_of(folder: Path, seed: int = 1, name: str = "candidate", made=network_file) -> Path:
    """A real network and its card as an administrator would bring them."""
    folder.mkdir(parents=True, exist_ok=True)
    source, _ = made(seed)
    target = folder / f"{name}.safetensors"
    shutil.copyfile(source, target)
    shutil.copyfile(source.with_suffix(".json"), target.with_suffix(".json"))
    return target


def rehash(path: Path, **values) -> None:
    """Let the card speak of the weights as they are now."""
    import hashlib

    card = json.loads(path.with_suffix(".json").read_text())
    card |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | values
    path.with_suffix(".json").write_text(json.dumps(card))


def left_behind(folder: Path) -> list[Path]:
    return list(folder.rglob("*")) if folder.exists() else []


def test_shipped_versions_are_registered_once_and_the_first_is_in_use(tmp_path):
    copy_of(tmp_path)
    (model,) = model_versions.register_shipped(tmp_path)
    assert model_versions.register_shipped(tmp_path) == []
    assert ModelVersion.objects.get() == model
    assert (model.name, model.shipped, model.parameters) == ("random 1", True, 3_075_348)
    assert model.card == json.loads((tmp_path / "candidate.json").read_text())
    assert model_versions.find_active_model(TeamFactory()) == model
    assert Activation.objects.get().reason == "Came with the program."


def test_a_version_shipped_later_waits_for_people(tmp_path):
    copy_of(tmp_path, 1, "a")
    (first,) = model_versions.register_shipped(tmp_path)
    copy_of(tmp_path, 2, "b")
    model_versions.register_shipped(tmp_path)
    assert ModelVersion.objects.count() == 2
    assert model_versions.find_active_model(TeamFactory()) == first


def test_when_the_version_in_use_is_shipped_no_longer_the_one_shipped_takes_over(tmp_path):
    copy_of(tmp_path / "old", 1)
    model_versions.register_shipped(tmp_path / "old")
    copy_of(tmp_path / "new", 2)
    (second,) = model_versions.register_shipped(tmp_path / "new")
    assert model_versions.find_active_model(TeamFactory()) == second
    assert "no longer comes with the program" in Activation.objects.first().reason


def test_other_weights_of_the_same_name_are_told_apart_by_their_hash(tmp_path):
    path = copy_of(tmp_path)
    ModelVersionFactory(name="random 1")
    (model,) = model_versions.register_shipped(tmp_path)
    assert model.name == f"random 1+{model.sha256[:8]}"
    assert path.exists()


def test_a_shipped_file_without_its_card_is_said_by_the_command(tmp_path, settings):
    copy_of(tmp_path).with_suffix(".json").unlink()
    settings.SHIPPED_MODELS = tmp_path
    with pytest.raises(CommandError, match="card candidate.json is missing"):
        call_command("register_models")
    assert not ModelVersion.objects.exists()


def test_an_administrator_adds_a_model_file_that_waits_for_an_approval_then(tmp_path, models_root, capsys):
    admin = UserFactory(is_superuser=True, username="admin")
    brought = copy_of(tmp_path, made=trained_file)
    used = ModelVersionFactory(name="used")
    read_slide()
    call_command("add_model", str(brought), by="admin")
    model = ModelVersion.objects.exclude(pk=used.pk).get()
    assert (model.shipped, model.created_by, model.name, model.state) == (False, admin, "trained 1", "validated")
    assert [step.state for step in model.standings.all()] == ["uploaded", "validated"]
    assert model.standings.last().facts["auc"] > 0.9
    assert model.standings.last().reason.endswith("Its gate is on its way, beside used.")
    assert (model.gate_reports.get().base, model.gate_reports.get().job.state) == (used, "queued")
    assert sorted(path.name for path in models_root.iterdir()) == [
        f"{model.sha256}.json",
        f"{model.sha256}.safetensors",
    ]
    assert AuditEntry.objects.get(action="model.register").actor == admin
    assert not Activation.objects.exists()
    assert "Added trained 1" in capsys.readouterr().out
    with pytest.raises(CommandError, match="here already"):
        call_command("add_model", str(brought))
    assert len(left_behind(models_root)) == 2


def test_a_model_file_that_lies_in_its_place_is_registered_there_and_never_deleted(tmp_path, models_root):
    source = copy_of(tmp_path, made=trained_file)
    digest = json.loads(source.with_suffix(".json").read_text())["sha256"]
    installed = copy_of(models_root, name=digest, made=trained_file)
    rehash(installed, mean=[0.5])
    with pytest.raises(CommandError, match="out of range in mean"):
        call_command("add_model", str(installed))
    assert len(left_behind(models_root)) == 2, "a refused registration deleted the weights it was pointed at"
    shutil.copyfile(source.with_suffix(".json"), installed.with_suffix(".json"))
    call_command("add_model", str(installed))
    assert ModelVersion.objects.get().sha256 == digest


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))
    rehash(path)


def no_card(path: Path) -> None:
    path.with_suffix(".json").unlink()


def missing(path: Path) -> None:
    path.unlink()


def a_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (a_pickle, "pickle"),
        (no_card, "card candidate.json is missing"),
        (missing, "There is no file candidate.safetensors"),
        (a_link, "candidate.safetensors is a link"),
    ],
)
def test_a_broken_model_file_gets_a_sentence_and_leaves_nothing(tmp_path, models_root, spoil, words):
    path = copy_of(tmp_path / "brought")
    spoil(path)
    with pytest.raises(CommandError, match=words):
        call_command("add_model", str(path))
    assert not ModelVersion.objects.exists()
    assert left_behind(models_root) == []


def test_a_name_that_is_taken_is_refused(tmp_path, models_root):
    ModelVersionFactory(name="random 1")
    with pytest.raises(CommandError, match="another model named random 1"):
        call_command("add_model", str(copy_of(tmp_path)))
    assert left_behind(models_root) == []


def test_only_an_administrator_can_be_named(tmp_path, models_root):
    UserFactory(username="ann")
    with pytest.raises(CommandError, match="no administrator ann"):
        call_command("add_model", str(copy_of(tmp_path)), by="ann")
    assert not ModelVersion.objects.exists()


def test_a_check_that_never_ends_is_ended(tmp_path, models_root, monkeypatch):
    monkeypatch.setattr(model_files, "CHECK_WALL_S", 0.05)
    with pytest.raises(CommandError, match="could not be checked"):
        call_command("add_model", str(copy_of(tmp_path)))
    assert left_behind(models_root) == []


def test_the_shipped_folder_of_the_program_can_be_registered():
    files = sorted(Path(settings.SHIPPED_MODELS).glob("*.safetensors"))
    assert len(model_versions.register_shipped()) == len(files)


def test_a_version_registered_before_cards_said_so_is_made_for_what_its_card_says_now():
    card = read_card(max(Path(settings.SHIPPED_MODELS).glob("*.json")))
    before = card.as_json()
    del before["meant_for"]
    assert model_versions.list_meant_for(ModelVersionFactory(sha256=card.sha256, card=before)) == ("breast",)
    assert model_versions.list_meant_for(ModelVersionFactory()) == ()
    own = ModelVersionFactory(card=before | {"meant_for": ["lung"]})
    assert model_versions.list_meant_for(own) == ("lung",)
