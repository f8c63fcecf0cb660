"""Without the names of gunicorn that it was tested with, the server starts all the same: plain, and saying so."""

from importlib.metadata import version
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker

from slides.web_server import fence
from tests.live import LiveServer
from tests.slides.jpeg_slide import LEVEL, jpeg_slide
from tests.slides.test_tiles_live import Line


@pytest.fixture(autouse=True)
def asked_anew():
    fence.why_plain.cache_clear()
    yield
    fence.why_plain.cache_clear()


def test_it_was_tested_with_what_is_installed():
    assert fence.why_plain() == ""


def test_it_can_be_switched_off(settings):
    settings.PLAIN_WEB_SERVER = True
    assert fence.why_plain() == "MITOWEB_PLAIN_WEB_SERVER is set"


@pytest.mark.parametrize(
    ("library", "other", "fits"),
    [
        ("gunicorn", "27.0.2", False),
        ("gunicorn", "27.0.10", False),
        ("psycopg", "3.4.0", False),
        ("django", "5.20.1", False),
        ("django", "5.2.99", True),
    ],
)
def test_versions(monkeypatch, library, other, fits):
    monkeypatch.setattr(fence, "version", lambda name: other if name == library else version(name))
    expected = "" if fits else f"{library} is {other} and not {fence.TESTED[library]}"
    assert fence.why_plain() == expected


def test_a_name_that_is_gone_is_named(monkeypatch):
    monkeypatch.delattr(ThreadWorker, "finish_request")
    assert fence.why_plain().startswith("gunicorn.workers.gthread has changed (")
    assert "finish_request" in fence.why_plain()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
def test_with_another_gunicorn_the_server_starts_plain_says_so_and_sends_tiles(cast, tmp_path: Path):
    """Another version is what the first place on the path says: the code is the installed one."""
    facts = tmp_path / "gunicorn-99.0.dist-info" / "METADATA"
    facts.parent.mkdir()
    facts.write_text("Metadata-Version: 2.1\nName: gunicorn\nVersion: 99.0\n")
    slide, log = jpeg_slide(case=cast.case), tmp_path / "web.log"
    address = f"/api/slides/{slide.pk}/image_files/{LEVEL}/1_1.jpeg"
    with LiveServer(PYTHONPATH=str(tmp_path), GUNICORN_CMD_ARGS=f"--error-logfile {log}") as server:
        line = Line(server, cast.as_(cast.reader))
        for _ in range(2):
            status, body = line.get(address)
            assert (status, body[:2]) == (200, b"\xff\xd8")
        assert line.get(address.replace("1_1", "9_9"))[0] == 404
        cast.reader.memberships.all().delete()
        assert line.get(address)[0] == 404
    [said] = [one for one in log.read_text().splitlines() if "Plain web server" in one]
    assert said.endswith("gunicorn is 99.0 and not 27.0.1")
