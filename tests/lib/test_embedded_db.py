"""The embedded PostgreSQL: durable, private, and back after every way to die."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import psycopg
import pytest

from mitoweb.lib import processes
from mitoweb.lib.embedded_db import EmbeddedPostgres, django_database, postgres_folder, socket_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture
def server(folder):
    server = EmbeddedPostgres(postgres_folder(folder))
    yield server
    server.stop()


def ask(server: EmbeddedPostgres, query: str):
    with server.connect() as connection:
        return connection.execute(query).fetchone()[0]


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"])
def test_what_is_committed_survives_a_power_cut(server, setting):
    server.start()
    assert ask(server, f"SHOW {setting}") == "on"


def test_nothing_listens_on_the_network(server):
    server.start()
    assert ask(server, "SHOW listen_addresses") == ""
    assert not psutil.Process(server.process.pid).net_connections(kind="inet")


def test_other_users_do_not_get_in(server, folder):
    server.start()
    assert socket_folder(postgres_folder(folder)).stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        psycopg.connect(dbname="mitoweb", user="postgres", host=str(socket_folder(server.folder)))


def test_a_lock_of_a_process_that_is_no_server_of_this_folder_is_no_hindrance(server):
    server.start()
    lock = socket_folder(server.folder) / ".s.PGSQL.5432.lock"
    old = lock.read_text().splitlines()
    server.stop()
    bystander = subprocess.Popen(["sleep", "60"])  # as a zombie or a reused number would be
    try:
        lock.write_text("\n".join([str(bystander.pid), *old[1:]]) + "\n")
        server.start()
        assert ask(server, "SELECT 1") == 1
    finally:
        bystander.kill()
        bystander.wait()


def test_the_log_names_no_values_and_is_private(server):
    server.log_path.parent.mkdir(parents=True, exist_ok=True)
    server.log_path.touch()
    server.log_path.chmod(0o644)  # as earlier versions left it
    server.start()
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE cases (accession text UNIQUE)")
        connection.execute("INSERT INTO cases VALUES ('DOE^JOHN-B22')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO cases VALUES ('DOE^JOHN-B22')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO cases VALUES (%s)", ["DOE^JOHN-B22"])
    log = server.log_path.read_text()
    assert log.count("duplicate key value") == 2
    assert "DOE" not in log
    assert server.log_path.stat().st_mode & 0o777 == 0o600


def test_django_finds_the_server(server, folder):
    server.start()
    options = django_database(folder)
    with psycopg.connect(dbname=options["NAME"], user=options["USER"], host=options["HOST"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("mitoweb",)


def test_a_stop_leaves_no_process(server):
    server.start()
    family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    server.stop()
    assert not [process for process in family if process.is_running()]


def test_data_survive_a_kill_of_the_server_and_all_its_processes(server):
    server.start()
    with server.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    processes.signal_group(server.process, signal.SIGKILL)
    server.process.wait()
    server.process = None
    assert (server.data / "postmaster.pid").exists()
    server.start()
    assert ask(server, "SELECT number FROM kept") == 7


def test_a_pid_file_that_names_a_foreign_process_is_no_hindrance(server):
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_a_server_left_running_is_replaced(server, folder):
    left = EmbeddedPostgres(postgres_folder(folder))
    left.start()
    server.start()
    assert left.process.wait(10) == 0
    assert ask(server, "SELECT 1") == 1


def test_the_server_dies_with_the_process_that_started_it(folder, server):
    script = textwrap.dedent(f"""
        import os, pathlib
        from mitoweb.lib.embedded_db import EmbeddedPostgres
        server = EmbeddedPostgres(pathlib.Path({str(postgres_folder(folder))!r}))
        server.start()
        print(server.process.pid, flush=True)
        os.kill(os.getpid(), 9)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    assert processes.wait_until(lambda: not psutil.pid_exists(pid), 60)
    assert not (server.data / "postmaster.pid").exists()  # it had the time to shut down


def test_an_interrupted_first_start_begins_anew(tmp_path):
    half_made = tmp_path / "postgres" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        assert ask(server, "SELECT 1") == 1
        assert not half_made.exists()
    finally:
        server.stop()


def test_a_deep_folder_gets_its_socket_elsewhere(tmp_path):
    deep = tmp_path / ("d" * 90) / "postgres"
    assert len(str(socket_folder(deep))) < 60
    assert socket_folder(deep) == socket_folder(deep)
    assert socket_folder(deep) != socket_folder(deep / "other")
