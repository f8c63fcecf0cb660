import pytest
from django.test import Client

from slides.tiles import pictures
from tests.factories import CaseFactory, TeamFactory, UserFactory, member
from tests.slides.sender import Sender


class Cast:
    """A team with its people, one outside it, and a case; `as_(who)` is that person's browser."""

    def __init__(self) -> None:
        self.team = TeamFactory()
        self.lead = member(self.team, "lead")
        self.tech = member(self.team, "technician")
        self.mate = member(self.team, "technician")
        self.reader = member(self.team, "reader")
        self.observer = member(self.team, "observer")
        self.stranger = member(TeamFactory(), "lead")
        self.admin = UserFactory(is_superuser=True, is_staff=True)
        self.case = CaseFactory(team=self.team, accession="26-04417")

    def as_(self, who) -> Client:
        client = Client()
        if who is not None:
            client.force_login(who)
        return client


@pytest.fixture
def cast(db) -> Cast:
    return Cast()


@pytest.fixture
def tech(cast) -> Sender:
    return Sender(cast, cast.tech)


@pytest.fixture
def url(tech) -> str:
    """An upload that was begun."""
    return tech.create()["Location"]


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """Each test has its own disk."""
    settings.SLIDES_ROOT = tmp_path / "slides"
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    settings.SEALED_ROOT = tmp_path / "sealed"
    settings.TILE_CACHE_ROOT = tmp_path / "tiles"
    settings.DISK_RESERVE_BYTES = 2**20


@pytest.fixture(scope="module")
def one_pool():
    """The decoders of this process serve all tests of a module and end with it."""
    yield
    if pictures._pool is not None:
        pictures._pool.close()
        pictures._pool = None
    pictures.indexes.close()
