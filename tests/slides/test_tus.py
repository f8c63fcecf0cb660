"""The protocol of uploads: each rule with its exact status, and the bytes that are there afterwards."""

import base64
import fcntl
import hashlib
import uuid
from contextlib import nullcontext
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.utils import timezone

from slides.files import kept_path, part_path, slide_paths
from slides.models import Slide, Upload
from slides.services import uploads
from slides.services.part_file import Checksum
from tests.factories import SlideFactory, UploadFactory, member
from tests.slides.sender import DATA, PIECE, TUS, URL, Sender, checksum, row


def test_the_server_says_what_it_speaks(tech):
    response = tech.client.options(URL)
    assert response.status_code == 204
    assert response["Tus-Version"] == "1.0.0"
    assert response["Tus-Extension"] == "creation,checksum,termination,expiration"
    assert response["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert int(response["Tus-Max-Size"]) > 10**9


def test_an_upload_in_three_pieces_becomes_a_slide_to_be_checked(tech, url):
    for start in (0, 400, 800):
        response = tech.patch(url, DATA[start : start + 400], start)
        assert response.status_code == 204
        assert int(response["Upload-Offset"]) == min(start + 400, 1000)
        assert response["Tus-Resumable"] == "1.0.0"
    upload = row(url)
    assert (upload.state, upload.slide.state) == ("checking", "checking")
    assert kept_path(upload).read_bytes() == DATA
    assert not part_path(upload).exists()
    assert upload.job.kind == "slide.check"
    assert tech.offset(url) == 1000


def test_a_kill_behind_the_last_byte_loses_neither_the_end_nor_the_hash_it_is_held_to(tech, url, monkeypatch):
    sent = hashlib.sha256(b"other bytes").hexdigest()
    with monkeypatch.context() as killed:
        killed.setattr(uploads, "finish_upload", lambda upload: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tech.patch(url, Upload_Sha256=sent)
    assert (row(url).state, part_path(row(url)).stat().st_size) == ("uploading", 1000)
    assert tech.offset(url) == 1000, "a client takes this for the end"
    assert (row(url).state, row(url).sha256) == ("checking", sent)


def test_a_whole_file_whose_piece_is_still_being_compared_is_left_to_its_sender(tech, url):
    part_path(row(url)).write_bytes(DATA)
    with part_path(row(url)).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert tech.offset(url) == 1000
        assert not uploads.finish_if_whole(row(url))
    assert row(url).state == "uploading"
    assert uploads.finish_if_whole(row(url))


def test_a_creation_tells_place_offset_and_expiry(tech):
    response = tech.create()
    assert response.status_code == 201
    assert response["Upload-Offset"] == "0"
    assert response["Upload-Expires"].endswith("GMT")
    assert part_path(row(response["Location"])).stat().st_size == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"Tus-Resumable": None}}, 412),
        ({"headers": {"Tus-Resumable": "0.2.2"}}, 412),
        ({"length": 0}, 400),
        ({"length": -1}, 400),
        ({"length": "many"}, 400),
        ({"length": "1e3"}, 400),
        ({"length": 2**63}, 400),
        ({"length": 2**63 - 1}, 413),
        ({"headers": {"Upload-Length": None, "Upload-Defer-Length": "1"}}, 400),
        ({"headers": {"Upload-Metadata": None}}, 400),
        ({"headers": {"Upload-Metadata": "filename =="}}, 400),
        ({"headers": {"Upload-Metadata": "filename /w=="}}, 400),
        ({"filename": ""}, 400),
        ({"filename": "notes.txt"}, 400),
        ({"filename": "page.html"}, 400),
        ({"case": "1"}, 400),
        ({"case": uuid.uuid4()}, 404),
        ({"sha256": "abc"}, 400),
        ({"bundle": "1"}, 400),
        ({"bundle": uuid.uuid4(), "bundle_files": 0}, 400),
        ({"bundle": uuid.uuid4(), "bundle_files": "x"}, 400),
    ],
)
def test_a_creation_that_cannot_be_is_refused_and_leaves_nothing(tech, settings, change, status):
    response = tech.create(**change)
    assert response.status_code == status
    assert response.json()["detail"]
    assert response["Tus-Resumable"] == "1.0.0"
    assert not Upload.objects.exists()
    assert not settings.UPLOADS_ROOT.exists() or not list(settings.UPLOADS_ROOT.iterdir())


def test_an_empty_file_is_refused_in_words(tech):
    assert tech.create(length=0).json()["detail"] == "The file is empty: it has zero bytes."


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "2.0.0"}, 412),
        ({"content_type": "application/octet-stream"}, 415),
        ({"content_type": "application/json"}, 415),
        ({"offset": -1}, 400),
        ({"offset": 1}, 409),
        ({"offset": 399}, 409),
        ({"offset": 401}, 409),
        ({"offset": 0}, 409),
        ({"offset": 2**63 - 1}, 409),
        ({"offset": 2**63}, 400),
        ({"offset": "four hundred"}, 400),
        ({"Upload_Offset": None}, 400),
        ({"offset": 400, "data": DATA[400:] + b"x"}, 413),
        ({"offset": 400, "Upload_Checksum": checksum(b"other")}, 460),
        ({"offset": 400, "Upload_Checksum": checksum(DATA[400:], "md5")}, 400),
        ({"offset": 400, "Upload_Checksum": "sha256 !!"}, 400),
        ({"offset": 400, "Upload_Checksum": "sha256 YWJj"}, 400),
        ({"offset": 400, "Upload_Sha256": "short"}, 400),
        ({"offset": 400, "Transfer_Encoding": "chunked"}, 411),
        ({"offset": 400, "Content_Encoding": "gzip"}, 415),
    ],
)
def test_a_wrong_piece_is_refused_and_changes_no_byte(tech, url, change, status):
    tech.patch(url, DATA[:400])
    change = {"data": DATA[400:]} | change
    assert tech.patch(url, **change).status_code == status
    assert part_path(row(url)).read_bytes() == DATA[:400]
    assert tech.patch(url, DATA[400:], 400).status_code == 204


def test_the_same_piece_sent_twice_is_taken_once(tech, url):
    assert tech.patch(url, DATA[:400]).status_code == 204
    assert tech.patch(url, DATA[:400]).status_code == 409
    assert tech.offset(url) == 400


def test_a_right_checksum_is_taken(tech, url):
    assert tech.patch(url, DATA, Upload_Checksum=checksum(DATA)).status_code == 204


@pytest.mark.parametrize("ends", [b"", ZeroDivisionError()], ids=["cut off", "killed"])
def test_of_a_piece_with_a_checksum_nothing_counts_before_it_is_compared(tech, url, ends):
    """The size of the part file is what was acknowledged; after a kill nobody takes bytes back."""
    tech.patch(url, DATA[:400])
    stream = Mock(read=Mock(side_effect=[DATA[400:700], ends]))
    held = Checksum("sha256", hashlib.sha256(DATA[400:]).digest())
    with nullcontext() if ends == b"" else pytest.raises(ZeroDivisionError):
        uploads.receive_piece(row(url), 400, stream, 600, held)
    assert tech.offset(url) == 400
    assert [path.name for path in part_path(row(url)).parent.iterdir()] == [part_path(row(url)).name]
    assert tech.patch(url, DATA[400:], 400, Upload_Checksum=checksum(DATA[400:])).status_code == 204
    assert kept_path(row(url)).read_bytes() == DATA


def test_a_piece_after_the_end_is_refused_and_an_empty_one_is_harmless(tech, url):
    tech.patch(url)
    assert tech.patch(url, b"more", 1000).status_code == 413
    assert tech.patch(url, b"more", 0).status_code == 409
    assert tech.patch(url, b"", 1000).status_code == 204
    assert Slide.objects.count() == 1
    assert kept_path(row(url)).read_bytes() == DATA


def test_a_second_window_is_told_that_the_file_is_being_sent(tech, url):
    with part_path(row(url)).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert tech.patch(url).status_code == 423
        assert tech.offset(url) == 0
    assert tech.patch(url).status_code == 204


def test_a_full_disk_keeps_what_came_and_goes_on_when_there_is_room(tech, url, settings):
    tech.patch(url, DATA[:400])
    room, settings.DISK_RESERVE_BYTES = settings.DISK_RESERVE_BYTES, 2**60
    response = tech.patch(url, DATA[400:], 400)
    assert (response.status_code, tech.offset(url)) == (507, 400)
    assert tech.create().status_code == 507
    assert tech.client.get("/cases/").status_code == 200
    settings.DISK_RESERVE_BYTES = room
    assert tech.patch(url, DATA[400:], 400).status_code == 204
    assert kept_path(row(url)).read_bytes() == DATA


def test_what_is_promised_to_others_is_not_promised_twice(tech, settings, monkeypatch):
    settings.DISK_RESERVE_BYTES = 0
    monkeypatch.setattr("slides.files.free_bytes", lambda path: 2500)
    assert tech.create().status_code == 201
    assert tech.create().status_code == 507


def test_a_person_has_a_bounded_number_of_open_uploads(tech, settings):
    settings.UPLOAD_OPEN_PER_USER = 2
    assert [tech.create().status_code for _ in range(3)] == [201, 201, 429]


def test_a_removed_upload_is_gone_with_its_bytes(tech, url, django_capture_on_commit_callbacks):
    tech.patch(url, DATA[:400])
    part = part_path(row(url))
    assert tech.client.delete(url).status_code == 412
    with django_capture_on_commit_callbacks(execute=True):
        assert tech.client.delete(url, headers=TUS).status_code == 204
    assert not part.exists()
    assert tech.client.head(url, headers=TUS).status_code == 404
    assert tech.patch(url, DATA[400:], 400).status_code == 404


def test_an_upload_removed_during_its_check_leaves_no_slide_and_no_file(
    tech, url, run_jobs, django_capture_on_commit_callbacks
):
    tech.patch(url)
    folder = kept_path(row(url)).parent
    with django_capture_on_commit_callbacks(execute=True):
        assert tech.client.delete(url, headers=TUS).status_code == 204
    assert not folder.exists()
    assert not Slide.objects.exists()
    run_jobs("ingest")
    assert not Slide.objects.exists()


def test_proxies_that_know_no_patch_are_got_around(tech, url):
    override = {"X_HTTP_Method_Override": "PATCH"}
    assert tech.patch(url, method="POST", **override).status_code == 204
    assert row(url).state == "checking"
    removal = tech.client.post(url, headers=TUS | {"X-HTTP-Method-Override": "DELETE"})
    assert removal.status_code == 204


def test_an_expired_upload_is_gone(tech, url):
    from slides.services.sweep import sweep_leftovers

    Upload.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert sweep_leftovers().expired == 1
    assert tech.client.head(url, headers=TUS).status_code == 404
    assert tech.patch(url).status_code == 404
    assert "Not continued" in tech.client.get(url).json()["reason"]


def test_an_upload_whose_part_file_was_lost_is_started_anew(tech, url):
    part_path(row(url)).unlink()
    assert tech.client.head(url, headers=TUS).status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("mate", 403), ("lead", 403), ("observer", 403), ("stranger", 404), ("admin", 403), (None, 401)]
)
def test_nobody_else_touches_an_upload(cast, url, who, status):
    other = Sender(cast, getattr(cast, who) if who else None)
    assert other.patch(url).status_code == status
    assert other.client.head(url, headers=TUS).status_code == status
    removed = 204 if who == "admin" else status
    assert other.client.delete(url, headers=TUS).status_code == removed


@pytest.mark.parametrize(
    ("who", "status"),
    [("tech", 201), ("lead", 201), ("reader", 403), ("observer", 403), ("stranger", 404), (None, 401)],
)
def test_only_roles_that_upload_make_one(cast, who, status):
    assert Sender(cast, getattr(cast, who) if who else None).create().status_code == status


def test_a_person_who_lost_the_right_cannot_go_on(cast, tech, url):
    cast.tech.memberships.update(role="observer")
    assert tech.patch(url).status_code == 403
    cast.tech.memberships.all().delete()
    assert tech.patch(url).status_code == 404


def test_the_csrf_check_stays_on(cast, url):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.tech)
    for method, extra in (("PATCH", {}), ("POST", {"X-HTTP-Method-Override": "PATCH"})):
        response = client.generic(method, url, DATA, content_type=PIECE, headers=TUS | {"Upload-Offset": "0"} | extra)
        assert response.status_code == 403
    assert part_path(row(url)).stat().st_size == 0


def test_a_file_that_was_refused_or_given_up_uses_up_no_number(tech):
    first, second = (tech.create() for _ in range(2))
    assert second.json()["label"] == "Slide 2"
    Upload.objects.filter(pk=row(first["Location"]).pk).update(state="refused")
    Slide.objects.create(case=tech.cast.case, label="Slide 1", state="refused", reason="A text file.")
    assert [tech.create().json()["label"] for _ in range(2)] == ["Slide 1", "Slide 3"]
    tech.client.delete(second["Location"], headers=TUS)
    assert tech.create().json()["label"] == "Slide 2"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.svs", "passwd.svs"),
        ("..\\..\\boot.svs", "boot.svs"),
        ("/abs/olute.tif", "olute.tif"),
        ("quo\"te's.svs", "quo\"te's.svs"),
        ("<img src=x onerror=alert(1)>.svs", "<img src=x onerror=alert(1)>.svs"),
        ("\u202egnp.svs", "gnp.svs"),
        ("a\x00b\n.svs", "ab .svs"),
        ("x" * 300 + ".svs", "x" * 251 + ".svs"),
        ("A1.ome.tif", "A1.ome.tif"),
        ("1.2.840.10008", "1.2.840.10008"),
    ],
)
def test_hostile_names_become_harmless_and_never_a_path_or_a_label(tech, settings, name, shown):
    response = tech.create(filename=name)
    assert response.status_code == 201
    assert (response.json()["name"], response.json()["label"]) == (shown, "Slide 1")
    url = response["Location"]
    tech.patch(url)
    path = kept_path(row(url))
    assert path.exists()
    assert path.parent.parent == settings.SLIDES_ROOT
    assert path.stem == str(row(url).pk)


def test_slides_are_numbered_in_their_case_where_nobody_gives_a_label(cast, tech):
    SlideFactory(case=cast.case, label="Slide 2")
    SlideFactory(case=cast.case, label="Slide seven")
    labels = [tech.create(**said).json()["label"] for said in ({}, {"label": "A1"}, {"label": " "}, {})]
    assert labels == ["Slide 1", "A1", "Slide 3", "Slide 4"]
    bundle = {"bundle": uuid.uuid4(), "bundle_files": 2}
    assert [tech.create(filename=name, **bundle).json()["label"] for name in ("1.dcm", "2.dcm")] == ["Slide 5"] * 2


def test_names_are_told_to_their_uploader_only(cast, tech):
    url = tech.create(filename="Jane Doe.svs", label="A1")["Location"]
    assert tech.client.get(url).json()["name"] == "Jane Doe.svs"
    for other in (cast.mate, cast.lead, cast.admin):
        assert cast.as_(other).get(url).json()["name"] == ""
        assert "Jane" not in cast.as_(other).get(f"{URL}?case={cast.case.pk}").content.decode()


def test_the_list_shows_the_teams_uploads_and_no_others(cast, url):
    UploadFactory()
    assert [one["id"] for one in cast.as_(cast.reader).get(URL).json()] == [str(row(url).pk)]
    assert cast.as_(cast.stranger).get(URL).json() == []
    assert cast.as_(cast.stranger).get(url).status_code == 404
    assert cast.as_(cast.lead).get(f"{URL}?case=nonsense").status_code == 400


def test_the_label_can_be_changed_while_the_file_comes(cast, tech, url):
    response = tech.client.post(url, {"label": "  B2\u202e "}, content_type="application/json")
    assert response.json()["label"] == "B2"
    tech.patch(url)
    assert Slide.objects.get().label == "B2"
    tech.client.post(url, {"label": "B3"}, content_type="application/json")
    assert Slide.objects.get().label == "B3"
    assert tech.client.post(url, {"label": " "}, content_type="application/json").status_code == 400
    assert cast.as_(cast.mate).post(url, {"label": "x"}, content_type="application/json").status_code == 403


def test_two_slides_of_one_label_are_told_apart(tech):
    for _ in range(2):
        tech.patch(tech.create(label="A1")["Location"])
    assert sorted(Slide.objects.values_list("label", flat=True)) == ["A1", "A1 (2)"]


def test_the_files_of_a_bundle_become_one_slide_when_the_last_is_there(tech):
    bundle = {"bundle": uuid.uuid4(), "bundle_files": 2}
    first, second = (tech.create(filename=f"{n}.dcm", **bundle)["Location"] for n in (1, 2))
    assert tech.create(filename="3.dcm", **bundle).status_code == 409
    tech.patch(first)
    assert not Slide.objects.exists()
    tech.patch(second)
    slide = Slide.objects.get()
    assert len(slide.files) == 2
    assert {row(first).slide, row(second).slide} == {slide}
    assert tech.create(filename="4.dcm", **bundle).status_code == 409


def test_the_files_of_a_mrxs_set_lie_as_they_must_find_each_other(tech):
    bundle = {"bundle": uuid.uuid4(), "bundle_files": 3}
    places = {"Doe.mrxs": "Doe.mrxs", "Slidedat.ini": "Doe/Slidedat.ini", "Data0000.dat": "Doe\\Data0000.dat"}
    urls = [tech.create(filename=name, path=path, **bundle)["Location"] for name, path in places.items()]
    for url in urls:
        assert tech.patch(url).status_code == 204
    slide = Slide.objects.get()
    assert slide.files[0] == f"{slide.folder}.mrxs"
    assert set(slide.files[1:]) == {f"{slide.folder}/Slidedat.ini", f"{slide.folder}/Data0000.dat"}
    assert all(path.exists() for path in slide_paths(slide))
    assert [row(url).path for url in urls] == ["", "Slidedat.ini", "Data0000.dat"]  # no name that may be a patient's


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"filename": "B2.mrxs"}, 400),
        ({"filename": "B2.mrxs", "bundle": uuid.uuid4(), "bundle_files": 1}, 400),
        ({"filename": "Data0000.dat"}, 400),
        ({"filename": "Data0000.exe", "bundle": uuid.uuid4(), "bundle_files": 2}, 400),
        ({"filename": "x.dat", "path": "../../Data0000.dat/../x.dat", "bundle": uuid.uuid4(), "bundle_files": 2}, 400),
        ({"filename": "a.zip", "bundle": uuid.uuid4(), "bundle_files": 2}, 400),
        ({"filename": "a.zip"}, 201),
        ({"filename": "x", "path": "../../Data0000.dat", "bundle": uuid.uuid4(), "bundle_files": 2}, 201),
    ],
)
def test_a_part_of_a_slide_comes_only_with_the_others(tech, said, status):
    assert tech.create(**said).status_code == status


def test_one_place_of_a_set_is_taken_once(tech):
    bundle = {"bundle": uuid.uuid4(), "bundle_files": 3}
    assert tech.create(filename="Data0000.dat", **bundle).status_code == 201
    assert tech.create(filename="Data0000.dat", **bundle).status_code == 409
    assert tech.create(filename="A.mrxs", **bundle).status_code == 201
    assert tech.create(filename="B.mrxs", **bundle).status_code == 409


def test_a_sha1_as_every_tus_server_must_know_it_is_checked(tech, url):
    def sha1(data: bytes) -> str:
        return f"sha1 {base64.b64encode(hashlib.sha1(data).digest()).decode()}"

    assert tech.patch(url, DATA[:400], Upload_Checksum=sha1(b"other")).status_code == 460
    assert tech.patch(url, DATA[:400], Upload_Checksum=sha1(DATA[:400])).status_code == 204
    assert tech.patch(url, DATA[400:], 400, Upload_Checksum="sha1 " + "YWJj" * 8).status_code == 400


def test_a_slide_that_waits_for_an_administrator_stays_when_its_row_is_put_away(tech, url):
    tech.patch(url)
    Slide.objects.update(state="quarantine")
    Upload.objects.update(state="waiting")
    assert tech.client.delete(url, headers=TUS).status_code == 204
    assert Slide.objects.get().state == "quarantine"


def test_a_bundle_named_by_one_person_means_nothing_to_another(cast, tech):
    bundle = {"bundle": uuid.uuid4(), "bundle_files": 1}
    tech.patch(tech.create(filename="1.dcm", **bundle)["Location"])
    other = Sender(cast, member(cast.team, "technician"))
    response = other.create(filename="1.dcm", **bundle)
    assert response.status_code == 201
    kept = Slide.objects.get()
    other.client.delete(response["Location"], headers=TUS)
    assert kept_path(Upload.objects.get(slide=kept)).exists()


def test_a_stop_between_rename_and_row_is_mended_by_the_next_request(tech, url):
    upload = row(url)
    kept_path(upload).parent.mkdir(parents=True)
    kept_path(upload).write_bytes(DATA)
    part_path(upload).unlink()
    assert tech.offset(url) == 1000
    assert row(url).state == "checking"
    assert tech.patch(url, b"", 1000).status_code == 204


def test_a_stop_before_the_rename_is_mended_by_the_sweep(tech, url):
    from slides.services.sweep import sweep_leftovers

    part_path(row(url)).write_bytes(DATA)
    assert sweep_leftovers().finished == 1
    assert row(url).state == "checking"
    assert sweep_leftovers().finished == 0
