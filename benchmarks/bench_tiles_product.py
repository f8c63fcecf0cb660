"""MitoWeb itself for the tile benchmark: its gunicorn, a PostgreSQL of its own, slides taken in, a person signed in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
UP_WITHIN_S = 60
LEVELS_WITHIN_S = 600
STAYING = "slides.web_server.worker.ViewerWorker"  # the product's own kind of gthread worker
PEER_OPTIONS = ["-k", STAYING, "-w", "2", "--threads", "16", "--keep-alive", "15", "--log-level", "warning"]


class Server:
    """A gunicorn with two workers. `command` behind the module's name."""

    def __init__(self, command: list[str], probe: str, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *command, "--bind", f"127.0.0.1:{self.port}"],
            env=os.environ | environment,
            cwd=PROJECT_ROOT,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + UP_WITHIN_S
        while not self._is_answering(probe):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"This server does not start: {command}")
            time.sleep(0.1)

    def _is_answering(self, probe: str) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{probe}", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False
        return True

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def serve_peer(app: str, slides: dict[str, Path]) -> Server:
    """One of the peers, under the same kind of server as the product."""
    names = json.dumps({name: str(path) for name, path in slides.items()})
    return Server([*PEER_OPTIONS, f"benchmarks.bench_tiles_peers:{app}"], "/", {"BENCH_SLIDES": names})


class Product:
    """Database, people and slides of a benchmark below `folder`; `serve()` starts the web server on them."""

    def __init__(self, folder: Path) -> None:
        os.environ |= {"MITOWEB_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "mitoweb.settings"}
        os.environ.pop("DATABASE_URL", None)
        os.environ["SECRET_KEY"] = uuid.uuid4().hex * 2
        folder.mkdir(parents=True, exist_ok=True)
        import django

        django.setup()
        from django.conf import settings
        from django.core.management import call_command

        from mitoweb.lib.embedded_db import EmbeddedPostgres, postgres_folder

        settings.STATIC_ROOT.mkdir(exist_ok=True)
        self.database = EmbeddedPostgres(postgres_folder(folder))
        self.database.start()
        call_command("migrate", verbosity=0, interactive=False)
        self._make_people()
        self.slides: dict[str, object] = {}

    def _make_people(self) -> None:
        from django.test import Client

        from mitoweb.people.models import Membership, Team, User
        from slides.models import Case

        team = Team.objects.create(name="Benchmark")
        self.reader = User.objects.create_user("reader", password=uuid.uuid4().hex)
        Membership.objects.create(user=self.reader, team=team, role="reader")
        self.case = Case.objects.create(team=team, accession="B-1")
        client = Client()
        client.force_login(self.reader)
        self.cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())

    @property
    def headers(self) -> str:
        """The header lines of the person who signed in."""
        return f"Cookie: {self.cookie}\r\n"

    def take_in(self, name: str, path: Path, with_index: bool = True) -> object:
        """A ready slide with its made levels and its index of tiles, as ingest leaves it."""
        from django.conf import settings

        from slides import files
        from slides.models import Slide
        from slides.wsi import native, pyramid
        from slides.wsi.probe import probe

        folder = str(uuid.uuid4())
        place = Path(settings.SLIDES_ROOT) / folder
        place.mkdir(parents=True)
        shutil.copy(path, place / f"slide{path.suffix}")
        paths = [place / f"slide{path.suffix}"]
        info = probe(paths, timeout_s=60)
        slide = Slide(
            case=self.case, label=name[:60], state="ready", folder=folder, files=[paths[0].name],
            sha256=uuid.uuid4().hex,
            format=info.format, width=info.width, height=info.height, mpp_x=info.mpp_x, mpp_y=info.mpp_y,
            mpp_source="unknown" if info.mpp_x is None else "file",
            levels=[[level.width, level.height, level.downsample] for level in info.levels],
            tile_size=native.tile_size_for(info.tile_size), tile_overlap=0,
        )  # fmt: skip
        if with_index:
            slide.has_made_levels = pyramid.make_levels(
                paths, files.levels_path(slide), timeout_s=LEVELS_WITHIN_S, memory_mb=4096
            )
            native.write_index(
                paths, files.native_path(slide), files.levels_path(slide) if slide.has_made_levels else None
            )
        slide.save()
        self.slides[name] = slide
        return slide

    def take_in_again(self, name: str) -> object:
        """A copy of the first slide under another name, with its levels and index."""
        from django.conf import settings

        from slides.models import Slide

        first = next(iter(self.slides.values()))
        folder = str(uuid.uuid4())
        shutil.copytree(Path(settings.SLIDES_ROOT) / first.folder, Path(settings.SLIDES_ROOT) / folder)
        slide = Slide.objects.get(pk=first.pk)
        slide.pk, slide.folder, slide.label, slide.sha256 = uuid.uuid4(), folder, name, uuid.uuid4().hex
        slide.save(force_insert=True)
        return slide

    def serve(self, cache_bytes: int, *words: str, **environment: str) -> Server:
        """The product's own web server, with a tile cache of this size; `words` are gunicorn's."""
        from django.conf import settings

        environment["MITOWEB_TILE_CACHE_BYTES"] = str(cache_bytes)
        return Server(["--config", str(settings.GUNICORN_CONF), *words], "/healthz", environment)

    def close(self) -> None:
        """Stop the database."""
        from django.db import connection

        connection.close()
        self.database.stop()
