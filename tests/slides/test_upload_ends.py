"""Uploads that end in between: deleted by somebody, silent, or without a place. Nothing of them is left or lost."""

import pytest

from mitoweb.people.models import AuditEntry
from slides.api.piece_slots import TooManyPieces, hold_piece_slot
from slides.files import part_path
from slides.models import Slide, Upload
from slides.services import erase, part_file, uploads
from tests.slides.sender import DATA, TUS, row

pytestmark = pytest.mark.django_db


def test_a_case_that_is_deleted_as_an_upload_is_made_is_told_and_leaves_nothing(cast, tech, settings, monkeypatch):
    reserved = uploads._refuse_impossible

    def erased_meanwhile(wanted) -> None:
        reserved(wanted)
        erase.erase_case(cast.lead, cast.case)

    monkeypatch.setattr(uploads, "_refuse_impossible", erased_meanwhile)
    response = tech.create()
    assert (response.status_code, response.json()["code"]) == (410, "gone")
    assert not Upload.objects.exists()
    assert not settings.UPLOADS_ROOT.exists() or not list(settings.UPLOADS_ROOT.iterdir())


@pytest.mark.parametrize("is_ahead", [True, False], ids=["files removed first", "files removed last"])
def test_a_case_that_is_deleted_during_the_last_piece_is_told_and_leaves_nothing(
    cast, tech, url, settings, monkeypatch, run_jobs, is_ahead
):
    finish = uploads.finish_upload

    def erased_meanwhile(upload) -> None:
        erase.erase_case(cast.lead, cast.case)
        if is_ahead:
            run_jobs()
        finish(upload)

    monkeypatch.setattr(uploads, "finish_upload", erased_meanwhile)
    response = tech.patch(url)
    assert (response.status_code, response.json()["code"]) == (410, "gone")
    run_jobs()
    assert not Slide.objects.exists()
    assert [path for root in (settings.UPLOADS_ROOT, settings.SLIDES_ROOT) for path in root.glob("**/*")] == []


def test_an_upload_that_is_removed_during_its_last_piece_leaves_nothing(tech, url, settings, monkeypatch):
    finish = uploads.finish_upload

    def removed_meanwhile(upload) -> None:
        Upload.objects.all().delete()
        finish(upload)

    monkeypatch.setattr(uploads, "finish_upload", removed_meanwhile)
    assert tech.patch(url).status_code == 410
    assert [path for root in (settings.UPLOADS_ROOT, settings.SLIDES_ROOT) for path in root.glob("**/*")] == []


def test_what_is_deleted_at_the_same_time_is_told(cast, url, tech):
    upload = row(url)
    Upload.objects.all().delete()
    for change in (lambda: uploads.cancel_upload(cast.tech, upload), lambda: uploads.relabel_upload(upload, "A1")):
        with pytest.raises(uploads.Gone):
            change()


def test_stopping_an_upload_is_in_the_audit_by_ids_alone(cast, tech):
    url = tech.create(filename="Jane Doe.svs", label="Jane")["Location"]
    upload = row(url)
    tech.client.delete(url, headers=TUS)
    entry = AuditEntry.objects.get(action="upload.cancel")
    assert (entry.actor, entry.team, entry.subject) == (cast.tech, cast.team, f"upload {upload.pk}")
    assert "Jane" not in entry.text


def test_an_upload_that_is_put_away_after_its_end_is_not(tech, url):
    tech.patch(url)
    Upload.objects.update(state="ready")
    tech.client.delete(url, headers=TUS)
    assert not AuditEntry.objects.filter(action="upload.cancel").exists()


class Silent:
    """A body of which nothing comes any more behind `data`, as our worker tells it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, count: int) -> bytes:
        if not self.data:
            raise TimeoutError
        data, self.data = self.data[:count], b""
        return data


def test_what_came_before_a_silence_is_kept_and_told(url):
    with pytest.raises(part_file.TooSlow):
        uploads.receive_piece(row(url), 0, Silent(DATA[:400]), 1000)
    assert part_path(row(url)).read_bytes() == DATA[:400]


def test_pieces_at_once_are_bounded_for_each_person_and_for_all(cast, settings):
    settings.UPLOAD_PIECES_PER_USER, settings.UPLOAD_PIECES = 1, 2
    with hold_piece_slot(1), pytest.raises(TooManyPieces), hold_piece_slot(1):
        pass
    with hold_piece_slot(1), hold_piece_slot(2), pytest.raises(TooManyPieces), hold_piece_slot(3):
        pass
    with hold_piece_slot(1), hold_piece_slot(3):
        pass


def test_a_piece_for_which_there_is_no_place_changes_nothing_and_is_told_when_to_come_again(cast, tech, url, settings):
    settings.UPLOAD_PIECES_PER_USER = 1
    with hold_piece_slot(cast.tech.pk):
        response = tech.patch(url)
    assert (response.status_code, response["Retry-After"], response.json()["code"]) == (429, "2", "pieces")
    assert tech.offset(url) == 0
    assert tech.patch(url).status_code == 204
