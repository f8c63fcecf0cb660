"""What the database holds, for tests that look for traces in it."""

from django.db import connection


def everything_in_the_database() -> bytes:
    """Each row of each table, as a dump would hold it."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            with cursor.copy(f'COPY "{table}" TO STDOUT') as rows:
                found += [bytes(row) for row in rows]
    return b"".join(found)
