"""How gunicorn serves the demo and small installations. The supervisor adds the address."""

import os
from pathlib import Path

from mitoweb.lib import processes

wsgi_app = "mitoweb.wsgi:application"
# gthread of a kind that is quick for viewers; sync workers are killed in the middle of long uploads
worker_class = "mitoweb.lib.stack.web_worker.StayingWorker"
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
chdir = str(Path(__file__).resolve().parents[3])
loglevel = "warning"


def post_fork(server, worker) -> None:
    processes.die_with_parent(server.pid)
