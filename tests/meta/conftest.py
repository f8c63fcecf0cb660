import pytest
from django.db import transaction
from django.test import Client

from tests.meta.world import World


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """Made once for all tests of a module; each of them undoes what it changed."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def clients(world) -> dict[str, Client]:
    """A browser for each role, signed in, and a stranger's."""
    found = {"stranger": Client(raise_request_exception=False)}
    for role, user in world.people.items():
        found[role] = Client(raise_request_exception=False)
        found[role].force_login(user)
    return found
