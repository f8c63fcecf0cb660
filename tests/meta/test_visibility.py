"""Lists hold exactly what a person may see, and what was taken away is gone at the next request."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client

from analysis.models import ModelVersion
from mitoweb.people import audit, services
from mitoweb.people.models import AuditEntry, Membership, User
from slides.models import Erasure
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
LISTS = {
    "/api/teams/": "team",
    "/api/jobs/": "job",
    "/api/cases/": "case",
    "/api/slides/": "slide",
    "/api/regions/": "region",
    "/api/analyses/": "analysis",
    "/api/detections/": "detection",
    "/api/activations/": "activation",
}
PAGES = {"/cases/": "case", "/jobs/": "analysis", "/uploads/": "upload"}


@pytest.fixture(autouse=True)
def undone(world):
    savepoint = transaction.savepoint()
    yield
    transaction.savepoint_rollback(savepoint)


def ids(client, address) -> set[str]:
    answer = client.get(address)
    assert answer.status_code == 200, address
    rows = answer.json()
    return {str(row["id"]) for row in (rows["results"] if isinstance(rows, dict) else rows)}


def id_of(objects, kind) -> str:
    return str(getattr(objects, kind).pk)


@pytest.mark.parametrize("address", LISTS)
def test_a_list_of_the_api_holds_the_own_teams_rows_and_no_others(world, clients, address):
    kind = LISTS[address]
    for role in ("observer", "reader", "technician", "lead", "researcher"):
        assert ids(clients[role], address) == {id_of(world.own, kind)}
    both = ids(clients["administrator"], address)
    assert {id_of(world.own, kind), id_of(world.foreign, kind)} <= both


def test_uploads_are_the_teams_and_their_file_names_the_uploaders_alone(world, clients):
    own = {str(row.pk) for row in world.uploads.values()} | {id_of(world.own, "upload")}
    assert ids(clients["reader"], "/api/uploads/") == own
    named = {row["id"] for row in clients["reader"].get("/api/uploads/").json() if row["name"]}
    assert named == {str(world.uploads["reader"].pk)}


@pytest.mark.parametrize("kind", ["slide", "case", "analysis"])
def test_a_filter_by_a_foreign_object_is_as_empty_as_by_a_missing_one(world, clients, kind):
    address = {"slide": "/api/analyses/", "case": "/api/slides/", "analysis": "/api/detections/"}[kind]
    foreign = clients["lead"].get(address, {kind: id_of(world.foreign, kind)})
    missing = clients["lead"].get(address, {kind: "00000000-0000-4000-8000-000000000000"})
    assert foreign.json() == missing.json()
    assert foreign.json()["results"] == []


@pytest.mark.parametrize("address", PAGES)
def test_a_page_names_nothing_of_another_team(world, clients, address):
    page = clients["lead"].get(address).content.decode()
    kind = PAGES[address]
    assert id_of(world.own, kind) in page
    assert id_of(world.foreign, kind) not in page
    assert world.foreign.case.accession not in page


def test_a_search_finds_nothing_of_another_team(world, clients):
    for query in (world.foreign.case.accession, world.foreign.slide.label):
        page = clients["lead"].get("/cases/", {"q": query}).content.decode()
        assert id_of(world.foreign, "case") not in page
    rows = clients["lead"].get("/api/cases/", {"q": world.foreign.case.accession}).json()["results"]
    assert id_of(world.foreign, "case") not in {row["id"] for row in rows}


def test_a_reader_who_leaves_the_team_sees_an_empty_world(world, clients):
    reader = clients["reader"]
    tile = f"/api/slides/{world.own.slide.pk}/image_files/10/0_0.jpeg"
    assert reader.get(tile).status_code == 200
    services.remove_member(Membership.objects.get(user=world.people["reader"]), world.own.lead)
    assert reader.get(tile).status_code == 404
    assert all(ids(reader, address) == set() for address in LISTS)
    for address, kind in PAGES.items():
        assert id_of(world.own, kind) not in reader.get(address).content.decode()


@pytest.fixture
def reader_by_password(world):
    """A browser that signed in with a password, and the address of a tile it sees."""
    user = User.objects.get(pk=world.people["reader"].pk)
    user.set_password(PASSWORD)
    user.save()
    client = Client()
    client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    tile = f"/api/slides/{world.own.slide.pk}/image_files/10/0_0.jpeg"
    assert client.get(tile).status_code == 200
    return client, user, tile


def test_a_person_switched_off_gets_no_further_tile(world, reader_by_password):
    client, user, tile = reader_by_password
    services.deactivate_user(user, world.people["administrator"])
    assert client.get(tile).status_code == 401


def test_a_password_changed_elsewhere_ends_this_session_at_the_next_tile(reader_by_password):
    client, user, tile = reader_by_password
    user.set_password("another violet 7")
    user.save()
    assert client.get(tile).status_code == 401


def test_a_tile_in_the_browsers_cache_is_asked_for_again(world, clients):
    tile = f"/api/slides/{world.own.slide.pk}/image_files/10/0_0.jpeg"
    answer = clients["observer"].get(tile)
    assert "no-cache" in answer["Cache-Control"] or "must-revalidate" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    again = {"headers": {"If-None-Match": answer["ETag"]}}
    assert clients["observer"].get(tile, **again).status_code == 304
    foreign = f"/api/slides/{world.foreign.slide.pk}/image_files/10/0_0.jpeg"
    assert clients["observer"].get(foreign, **again).status_code == 404


def test_the_audit_shows_a_lead_the_own_team_and_an_administrator_what_is_of_none(world):
    for team in (world.own.team, world.foreign.team, None):
        audit.record_change(None, team, "test.look", "x 1", "Looked at")
    mine, administrator = world.own.lead, User.objects.filter(is_superuser=True).first()
    seen = {
        who: set(AuditEntry.objects.visible_to(who).filter(action="test.look").values_list("team", flat=True))
        for who in (mine, administrator)
    }
    assert seen[mine] == {world.own.team.pk}
    assert seen[administrator] == {world.own.team.pk, world.foreign.team.pk, None}


def test_what_is_left_of_erased_rows_is_for_administrators_and_models_for_everybody_who_is_signed_in(world):
    Erasure.objects.create()
    administrator = User.objects.filter(is_superuser=True).first()
    assert [Erasure.objects.visible_to(who).count() for who in (world.own.lead, administrator)] == [0, 1]
    seen = [ModelVersion.objects.visible_to(who).exists() for who in (world.own.lead, AnonymousUser())]
    assert seen == [True, False]
