"""What all tests share: a PostgreSQL of their own, the real data where it is, a browser where one is."""

import gc
import os
from pathlib import Path

import pytest
from django.conf import settings

from mitoweb.lib.embedded_db import EmbeddedPostgres, postgres_folder
from tests import chromium

TESTS = Path(__file__).parent
# Files of few but long tests: begun last, one of them would hold up the end of a run while the other worker idles.
BEGUN_FIRST = {
    "slides/test_mutants.py",
    "lab/reproduce/test_quick.py",
    "lab/subtypes/test_fit.py",
    "lab/ood/test_measured.py",
    "meta/test_run.py",
    "meta/test_fuzz.py",
}


@pytest.fixture(scope="session")
def postgres():
    """The server of this test run, started when the first test needs it."""
    server = EmbeddedPostgres(postgres_folder(settings.VAR_DIR), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres):
    """pytest-django asks for this before it makes the test database: the moment to have a server."""


@pytest.fixture(scope="session", autouse=True)
def static_files_listed_once():
    """Each client of a test makes the middleware anew, which lists all static files: a third of the time of a test of
    pages."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    listed: dict = {}
    list_files = WhiteNoiseMiddleware.add_files_from_finders

    def list_once(middleware) -> None:
        if not listed:
            list_files(middleware)
            listed.update(middleware.files)
        middleware.files.update(listed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", list_once)
        yield


@pytest.fixture
def run_jobs(db):
    """Run all queued jobs in this process and return how many: run_jobs() or run_jobs("ingest")."""
    from mitoweb.lib.jobs.child import run_queued

    return run_queued


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; tests that use it carry the mark needs_data."""
    return Path(settings.DATA_DIR)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser to hand to Playwright as executable_path."""
    path = chromium.find()
    if path is None:
        _without("a Chromium", "MITOWEB_REQUIRE_BROWSER", f"install one with: {chromium.INSTALL}")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported and collected stays to the end: to look through it for garbage again and again takes a quarter
    of the time that this takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.relative_to(TESTS).as_posix() not in BEGUN_FIRST)


def pytest_runtest_setup(item) -> None:
    if item.get_closest_marker("needs_data") and not Path(settings.DATA_DIR).is_dir():
        _without("the real data", "MITOWEB_REQUIRE_DATA", "name its folder in MITOWEB_DATA")


def _without(what: str, required_by: str, remedy: str) -> None:
    """Skip by name, or fail where the environment says that it must be there."""
    reason = f"{what} is not here; {remedy}"
    if os.environ.get(required_by) == "1":
        pytest.fail(f"{reason} ({required_by}=1)", pytrace=False)
    pytest.skip(reason)
