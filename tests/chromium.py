"""Find a Chromium for the browser tests, or install one where that can be done without asking.

`python -m tests.chromium` is the step of `make test`: it never fails the run, the tests say what they miss.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
INSTALL = "apt-get install -y chromium   (Debian, Ubuntu; or: python -m playwright install chromium)"


def find() -> str | None:
    """MITOWEB_CHROMIUM, a system browser, or the one Playwright has downloaded."""
    named = os.environ.get("MITOWEB_CHROMIUM")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return str(mac) if mac.exists() else _downloaded()


def _downloaded() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def install() -> None:
    """As root on a Debian: by apt-get, which asks nothing."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]):
        if subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL).returncode != 0:
            return


def main() -> None:
    if find() is None:
        install()
    path = find()
    sys.stdout.write(f"Browser tests use {path}.\n" if path else f"There is no Chromium; install one with: {INSTALL}\n")


if __name__ == "__main__":
    sys.exit(main())
