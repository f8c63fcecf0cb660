"""How gunicorn serves the demo and small installations. `manage.py up` adds the address."""

import os
from pathlib import Path

from mitoweb.lib import processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mitoweb.settings")  # noqa: TID251 before there are settings

from slides.web_server import fence

wsgi_app = "mitoweb.wsgi:application"
# Threads of either kind, since sync workers are killed in the middle of long uploads.
worker_class = "gthread" if fence.why_plain() else "slides.web_server.worker.ViewerWorker"
preload_app = True  # imported once for both workers: half the time to the first page
workers = 2
threads = 16
timeout = 120
graceful_timeout = 5
keepalive = 15
control_socket_disable = True
# The heartbeat file must not lie on a disk that can stall.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
proc_name = "mitoweb"
chdir = str(Path(__file__).resolve().parents[2])
loglevel = "warning"


def on_starting(server) -> None:
    if reason := fence.why_plain():
        server.log.warning("Plain web server, slower and not protected from clients that send slowly: %s", reason)


def post_fork(server, worker) -> None:
    processes.die_with_parent(server.pid)
