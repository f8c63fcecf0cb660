"""The application's role works with rows; what keeps audit lines and verdicts is out of its reach."""

import pytest
from django.conf import settings as django_settings
from django.db import ProgrammingError, connection, transaction

from mitoweb import checks
from mitoweb.lib.database_roles import connected_as_owner, grant_rights
from mitoweb.lib.embedded_db import APPLICATION, NAME
from mitoweb.people import audit
from mitoweb.people.models import AuditEntry
from tests.factories import UserFactory


@pytest.fixture
def as_application(db):
    """This connection with the rights of the application's role, as a migration leaves them."""
    grant_rights(APPLICATION)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {APPLICATION}")
        yield cursor
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE people_auditentry CASCADE",
        "TRUNCATE analysis_verdict CASCADE",
        "ALTER TABLE people_auditentry DISABLE TRIGGER ALL",
        "ALTER TABLE analysis_verdict DISABLE TRIGGER USER",
        "DROP TRIGGER auditentry_append_only ON people_auditentry",
        "SET session_replication_role = replica",
        "CREATE TABLE public.aside (number int)",
        "DROP TABLE analysis_verdict CASCADE",
    ],
)
def test_what_keeps_audit_and_verdicts_cannot_be_switched_off(as_application, statement):
    with pytest.raises(ProgrammingError), transaction.atomic():
        as_application.execute(statement)


def test_rows_of_every_table_can_be_read_and_written(as_application):
    for table in connection.introspection.table_names():
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            as_application.execute("SELECT has_table_privilege(%s, %s)", [f'public."{table}"', right])
            assert as_application.fetchone() == (True,), f"the application may not {right} {table}"
    user = UserFactory()
    audit.record_change(user, None, "test.role", "nothing", "Written by the application")
    assert AuditEntry.objects.filter(action="test.role").count() == 1


def test_a_process_is_the_owner_only_inside_the_block(settings):
    settings.DATABASE_OWNER = {"USER": NAME}
    before = connection.settings_dict["USER"]
    connection.settings_dict["USER"] = APPLICATION
    try:
        with connected_as_owner() as application:
            assert application == APPLICATION
            assert connection.settings_dict["USER"] == NAME
        assert connection.settings_dict["USER"] == APPLICATION
    finally:
        connection.settings_dict["USER"] = before


def test_an_installation_with_one_role_is_told(settings):
    settings.DEMO = False
    assert [warning.id for warning in checks.check_roles(None)] == ["mitoweb.W001"]
    settings.DATABASE_OWNER = {"USER": "owner"}
    assert django_settings.DATABASES["default"]["USER"] == NAME
    assert checks.check_roles(None) == []
