"""A model file sent from a browser: begun with its card, in pieces that go on, checked by a job, refused in words."""

import json

import pytest

from analysis.models import ModelUpload, ModelVersion
from analysis.services import model_uploads
from mitoweb.people.models import AuditEntry
from tests.analysis.hostile_models import SHIPPED
from tests.analysis.makers import ModelVersionFactory, card, trained_file
from tests.analysis.review_makers import client
from tests.factories import PASSWORD, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db
URL = "/api/model-uploads/"


@pytest.fixture(autouse=True)
def roots(tmp_path, settings):
    trained_file()  # before the folder is another
    settings.MODELS_ROOT, settings.UPLOADS_ROOT = tmp_path / "models", tmp_path / "uploads"
    settings.UPLOADS_ROOT.mkdir()


@pytest.fixture
def admin():
    return UserFactory(is_superuser=True, username="admin")


def begin(user, length: int, **values):
    body = {"card": json.dumps(card(name="sent") | values), "length": length}
    return client(user).post(URL, body, format="json")


def send(user, pk, content: bytes, offset: int):
    kind = "application/offset+octet-stream"
    url = f"{URL}{pk}/"
    return client(user).generic("PATCH", url, content, content_type=kind, HTTP_UPLOAD_OFFSET=str(offset))


def test_a_file_in_pieces_is_checked_in_the_background_and_becomes_a_version(admin, run_jobs):
    path, written = trained_file()
    content = path.read_bytes()
    begun = begin(admin, len(content), **written)
    assert (begun.status_code, begun.json()["state"], begun.json()["offset"]) == (201, "receiving", 0)
    pk, half = begun.json()["id"], len(content) // 2
    assert send(admin, pk, content[:half], 0).json()["offset"] == half
    wrong = send(admin, pk, content[half:], half - 1)
    assert (wrong.status_code, wrong.json()["detail"]) == (409, f"{half:,} bytes have arrived, not {half - 1:,}.")
    assert client(admin).get(f"{URL}{pk}/").json()["offset"] == half  # as after a reload
    assert send(admin, pk, content[half:], half).json()["state"] == "checking"
    run_jobs("ingest")
    upload, model = ModelUpload.objects.get(), ModelVersion.objects.get()
    assert (upload.state, upload.model, model.state, model.created_by) == ("taken", model, "validated", admin)
    assert not model_uploads.folder_of(upload).exists()
    assert "Not held against the version in use: There is no other" in model.standings.last().reason


def test_what_the_check_refuses_is_said_in_words_and_leaves_nothing(admin, run_jobs, client):
    content = b"\x80\x02" + b"pickle" * 100
    pk = begin(admin, len(content)).json()["id"]
    send(admin, pk, content, 0)
    run_jobs("ingest")
    upload = ModelUpload.objects.get()
    assert (upload.state, ModelVersion.objects.count()) == ("refused", 0)
    assert "could run code" in upload.message
    assert AuditEntry.objects.first().action == "model.refuse"
    assert not model_uploads.folder_of(upload).exists()
    client.login(username="admin", password=PASSWORD)
    shown = client.get("/models/").content.decode()
    assert "could run code" in shown and "Upload…" in shown
    assert client.delete(f"{URL}{pk}/").status_code == 204
    assert not ModelUpload.objects.exists()


@pytest.mark.parametrize(
    ("length", "values", "code"),
    [
        (1 << 40, {}, "too_large"),
        (1000, {"threshold": 3}, "model_refused"),
        (1000, {"name": SHIPPED.stem}, "name_taken"),
        (1000, {"name": ""}, "model_refused"),
    ],
)
def test_what_cannot_become_a_version_is_refused_before_a_byte_is_sent(admin, length, values, code, settings):
    ModelVersionFactory(name=SHIPPED.stem)
    assert begin(admin, length, **values).json()["code"] == code
    assert not ModelUpload.objects.exists()
    assert not any((settings.UPLOADS_ROOT / "models").glob("*"))


def test_more_than_was_said_is_refused_and_only_so_many_are_on_their_way(admin):
    pk = begin(admin, 10).json()["id"]
    assert send(admin, pk, b"x" * 11, 0).status_code == 413
    for _ in range(model_uploads.OPEN_PER_USER - 1):
        assert begin(admin, 10).status_code == 201
    assert begin(admin, 10).json()["code"] == "too_many"


def test_only_administrators_send_models(admin, client):
    lead = member(TeamFactory())
    pk = begin(admin, 10).json()["id"]
    assert begin(lead, 10).status_code == 403
    assert send(lead, pk, b"x", 0).status_code == 403
    client.force_login(lead)
    assert "Upload…" not in client.get("/models/").content.decode()
