"""Two roles in the database: the owner makes tables, the application works with their rows.

Audit lines and verdicts are kept by triggers, which bind only a role that can neither switch them off nor empty a table
past them. So everything but `migrate` and `restore` connects as the application.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from psycopg import sql

RIGHTS = """
GRANT USAGE ON SCHEMA public TO {application};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {application};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {application};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {application};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {application};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""


@contextmanager
def connected_as_owner() -> Iterator[str]:
    """In this block this process talks to the database as the owner of its tables. Yields the application's role."""
    application = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(settings.DATABASE_OWNER)
    try:
        yield application["USER"]
    finally:
        connection.close()
        connection.settings_dict.update(application)


def grant_rights(application: str) -> None:
    """Let the role `application` read and write rows, and nothing more. As the owner, after each migration."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(RIGHTS).format(application=sql.Identifier(application)).as_string(cursor.connection))
