import os
import secrets
import signal
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.management import BaseCommand, CommandError, call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mitoweb.lib import processes
from mitoweb.lib.database_roles import connected_as_owner
from mitoweb.lib.embedded_db import DatabaseTrouble, EmbeddedPostgres, postgres_folder
from mitoweb.lib.stack import preflight
from mitoweb.lib.stack.services import DatabaseService, Service, Task
from mitoweb.lib.stack.supervisor import Supervisor

WEB_UP_WITHIN_S = 120


class Command(BaseCommand):
    help = "Run MitoWeb: its database (unless DATABASE_URL names one), the web server and the worker, until Ctrl-C."
    requires_system_checks = []  # run below, when the folders are there and a failure can be said in one sentence

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
        parser.add_argument("--with-parent", action="store_true", help="stop when the calling process ends")
        parser.add_argument("--no-demo", action="store_true", help="do not load the demo")

    def handle(self, *, host: str, port: int, with_parent: bool, no_demo: bool, **options) -> None:
        if with_parent:
            processes.die_with_parent(os.getppid(), signal.SIGTERM)
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        self.log_dir = settings.VAR_DIR / "log"
        started = time.monotonic()
        try:
            preflight.check_all(settings.VAR_DIR, host, port)
            self.check_settings()
            lock = preflight.hold_lock(settings.VAR_DIR)
            preflight.sign_lock(lock, f"process {os.getpid()}, {self.url}")
            with Supervisor(self.say) as supervisor:
                self.start(supervisor, host, port, load_demo=settings.DEMO and not no_demo)
                if not supervisor.stopping:
                    self.announce(time.monotonic() - started)
                supervisor.run()
                self.say("Stopping …")
        except (preflight.CannotStart, DatabaseTrouble) as trouble:
            raise CommandError(str(trouble)) from None
        self.say("Stopped.")

    def check_settings(self) -> None:
        troubles = [error.msg for error in run_checks(tags=[Tags.security]) if error.is_serious()]
        if troubles:
            raise preflight.CannotStart(" ".join(troubles))

    def start(self, supervisor: Supervisor, host: str, port: int, load_demo: bool) -> None:
        if settings.DEMO:
            _make_secret_key(settings.VAR_DIR / "secret-key")
            server = EmbeddedPostgres(postgres_folder(settings.VAR_DIR), log_path=self.log_dir / "database.log")
            if not server.data.exists():
                self.say("Making the database …")
            supervisor.add(DatabaseService(server))
        self.migrate()
        self.register_models()
        connection.close()
        settings.STATIC_ROOT.mkdir(exist_ok=True)  # collectstatic may fill it; the server wants to see it
        is_first = load_demo and not self.login_file.exists()
        supervisor.add(self.web(host, port))
        supervisor.wait_for(f"{self.url}/healthz", WEB_UP_WITHIN_S)  # the page first: the rest competes for the cores
        supervisor.add(self.worker())
        demo_log = self.log_dir / "demo.log"
        said_before = demo_log.stat().st_size if demo_log.exists() else 0
        demo = Task("demo", _manage("load_demo"), demo_log, stop_s=2)
        if load_demo and "load_demo" in get_commands():
            supervisor.add(demo)  # loads what is missing, beside everything else
        if is_first and demo.process is not None:
            self.say("Loading the demo …")
            self.wait_for_demo(demo, supervisor, said_before)

    def migrate(self) -> None:
        with connected_as_owner():  # in a database that was made before there were two roles, only the owner may look
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            self.say("Bringing the database up to date …")
            call_command("migrate", verbosity=0, interactive=False)

    def register_models(self) -> None:
        """A broken model file is no reason not to start: slides can be viewed and judged without it."""
        if "register_models" not in get_commands():
            return
        try:
            call_command("register_models", stdout=self.stdout)
        except CommandError as trouble:
            self.say(str(trouble))

    def web(self, host: str, port: int) -> Service:
        options = ["--config", str(settings.GUNICORN_CONF), "--bind", f"{host}:{port}"]
        return Service("web server", [sys.executable, "-m", "gunicorn", *options], self.log_dir / "web.log", stop_s=8)

    def worker(self) -> Service:
        return Service("worker", _manage("worker", "--ready"), self.log_dir / "worker.log", stop_s=8)

    def wait_for_demo(self, demo: Task, supervisor: Supervisor, said_before: int) -> None:
        """So that the first page shows the demo case; the web server answers meanwhile. It says how far it is."""
        with demo.log_path.open() as said:
            said.seek(said_before)
            is_running = True
            while is_running and not supervisor.stopping:
                is_running = demo.process.poll() is None  # asked first, so that its last lines are still read
                for line in progress_lines(said.read()):
                    self.say(f"  {line}")
                supervisor.tend()
                time.sleep(0.2)
        if demo.process.returncode:
            self.say(f"The demo could not be loaded completely; see {demo.log_path}")
        if self.login_file.exists():
            self.say(self.login_file.read_text().rstrip())

    @property
    def login_file(self) -> Path:
        return settings.VAR_DIR / "first-login.txt"

    def announce(self, seconds: float) -> None:
        self.say(f"MitoWeb runs at {self.url}   (up in {seconds:.1f} s)")
        if self.login_file.exists():
            self.say(f"Accounts and passwords: {self.login_file}")
        elif not settings.DEMO:
            self.say("Make the first administrator with: manage.py createsuperuser")
        self.say("Ctrl-C stops it. Research use only.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def progress_lines(log: str) -> list[str]:
    """What the log says to a person, without a trace and entries in JSON, which are for the operator."""
    lines = log.partition("Traceback (most recent call last)")[0].splitlines()
    return [line for line in lines if line.strip() and not line.startswith("{")]


def _manage(*words: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]


def _make_secret_key(path: Path) -> None:
    """Once; the settings of every process that starts later read it from the file."""
    if path.exists():
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(50))
