"""The demo case is brought by the upload's own way, once, and says what it could not have."""

import pytest
from django.core.management import call_command

from slides.files import slide_paths
from slides.models import Case, Slide, Upload
from slides.services import demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def alone(settings, tmp_path, monkeypatch):
    """A machine without the data folder and without the internet."""
    settings.VAR_DIR, settings.DATA_DIR = tmp_path, tmp_path / "nowhere"
    monkeypatch.setattr(demo, "fetch_cmu", lambda folder: None)


def test_the_teaching_sheet_is_there_where_nothing_else_can_be_had(alone, settings, capsys):
    call_command("load_demo")
    said = capsys.readouterr().out
    assert "could not be fetched" in said
    assert "MITOWEB_DATA" in said
    case = Case.objects.get(team__name="Demo")
    assert {reader.username for reader in case.readers.all()} == {"reader1", "reader2", "reader3"}
    (slide,) = case.slides.all()
    assert (slide.label, slide.kind, slide.state, slide.mpp) == ("B1 Teaching sheet", "sheet", "ready", 0.25)
    assert slide_paths(slide)[0].exists()
    assert any("no count per mm²" in hint for hint in slide.hints)
    assert not Upload.objects.exists()


def test_loading_it_again_brings_nothing_twice_even_under_another_label(alone):
    call_command("load_demo")
    Slide.objects.update(label="my sheet")
    call_command("load_demo")
    assert [slide.label for slide in Slide.objects.all()] == ["my sheet"]


@pytest.mark.needs_data
def test_slides_of_the_data_folder_come_first_in_the_case(alone, settings, data_dir):
    settings.DATA_DIR = data_dir
    call_command("load_demo")
    labels = list(Case.objects.get(team__name="Demo").slides.values_list("label", flat=True))
    assert labels == ["A1 H05_03", "A2 H05 montage", "B1 Teaching sheet"]
