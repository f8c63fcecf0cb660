"""Dump and load by PostgreSQL's own programs, which come with the embedded server and work with any other too."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection

from mitoweb.lib.database_roles import connected_as_owner
from mitoweb.lib.embedded_db import BINARIES, EmbeddedPostgres, postgres_folder
from mitoweb.lib.errors import Refused

LOCALE = {"LC_ALL": "C", "LANG": "C"}


def dump_database(target: Path, snapshot: str) -> None:
    """The database as `snapshot` sees it, in PostgreSQL's custom format, without owners and rights."""
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", "--file", target])


def check_dump(path: Path) -> None:
    """Read all of a dump as a load would."""
    _run(["pg_restore", "--file", "/dev/null", path], with_database=False)


def load_database(path: Path) -> None:
    """Put a dump in the place of what is there, all of it or nothing."""
    with connected_as_owner():
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        connection.close()
        _run(["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", path])


@contextmanager
def running_database() -> Iterator[None]:
    """The database, for a command that may be given while the product is stopped: the embedded one is started for it.

    Raises DatabaseTrouble where it cannot be.
    """
    if not settings.DEMO or _answers():
        yield
        return
    server = EmbeddedPostgres(postgres_folder(settings.VAR_DIR))
    server.start()
    try:
        yield
    finally:
        connection.close()
        server.stop()


def _answers() -> bool:
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


def other_sessions() -> int:
    """How many programs but this one are connected to the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def _run(words: list, with_database: bool = True) -> None:
    name, *options = map(str, words)
    program = BINARIES / name
    facts = connection.settings_dict
    address = {
        "PGHOST": facts["HOST"], "PGPORT": str(facts["PORT"]), "PGUSER": facts["USER"],
        "PGPASSWORD": facts["PASSWORD"], "PGSSLMODE": facts["OPTIONS"].get("sslmode", ""),
    }  # fmt: skip
    known = {key: value for key, value in address.items() if value} if with_database else {}
    command = [str(program), *options]
    if with_database:  # pg_restore writes to a database only when told which
        command[1:1] = ["--dbname", facts["NAME"]]
    done = subprocess.run(
        command, env=LOCALE | known, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise Refused(f"{name} did not succeed: {lines[0]}", "backup.database")
