"""How long MitoWeb takes to start for the first time and later, and to stop: `make bench-start`.

A start is over when the first page answers. The environment must be there; the demo is part of the first start.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LATER_STARTS = 3


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mitoweb-bench-") as folder:
        first = start_and_stop(Path(folder) / "var")
        later = [start_and_stop(Path(folder) / "var") for _ in range(LATER_STARTS)]
    print(f"first start, demo loaded {first['ready']:6.1f} s   first page after {first['page']:.1f} s")
    for times in later:
        print(f"later start              {times['ready']:6.1f} s   first page after {times['page']:.1f} s")
    print(f"stop                     {max(times['stop'] for times in later):6.1f} s")


def start_and_stop(var: Path) -> dict[str, float]:
    """Seconds until the first page answers, until everything is announced as running, and to stop."""
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=ROOT, env=os.environ | {"MITOWEB_VAR": str(var)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_page(f"http://127.0.0.1:{port}/accounts/login/", process)
    page = time.monotonic() - began
    for line in process.stdout:
        if line.startswith("MitoWeb runs at"):
            break
    ready = time.monotonic() - began
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    return {"page": page, "ready": ready, "stop": time.monotonic() - began}


def wait_for_page(url: str, process: subprocess.Popen) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"MitoWeb ended with status {process.returncode}.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


if __name__ == "__main__":
    main()
