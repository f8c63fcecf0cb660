"""Starts the services in order, keeps them running, stops them in the opposite order."""

import logging
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from mitoweb.lib.stack.preflight import CannotStart

logger = logging.getLogger(__name__)

TEND_EVERY_S = 0.5


class Supervisor:
    """Used as a context: on leaving it, for whatever reason, everything that was started is stopped, last first."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.services = []
        self._stop = threading.Event()

    def __enter__(self) -> "Supervisor":
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda signum, frame: self._stop.set())
        return self

    def __exit__(self, *error) -> None:
        for service in reversed(self.services):
            service.stop()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def add(self, service) -> None:
        """Start a service and keep it running from now on."""
        self.services.append(service)
        service.start()

    def tend(self) -> None:
        for service in self.services:
            service.tend(self.say)

    def wait_for(self, url: str, seconds: float) -> None:
        """Until the web server answers or a stop was asked for; raises CannotStart when it does not come up."""
        deadline = time.monotonic() + seconds
        while not self.stopping:
            if _answers(url):
                return
            self.tend()
            if time.monotonic() > deadline:
                raise CannotStart(f"The web server did not come up within {seconds:.0f} seconds: see var/log/web.log.")
            self._stop.wait(0.1)

    def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP."""
        while not self._stop.wait(TEND_EVERY_S):
            self.tend()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
