"""`mitosis import-detections`: another detector's output into the product, where it is reviewed and compared.

The product's database is Django's matter, which nothing in this package knows: `manage.py import_detections` does it.
"""

import argparse
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="mitosis detect, MIDOG, GeoJSON, CSV, HoVer-Net or CellViT"
    )
    parser.add_argument("--slide", required=True, metavar="ID", help="of the slide: the last part of its address")
    parser.add_argument("--by", required=True, metavar="USER", help="who brings them, for rights and audit")
    parser.add_argument("--detector", metavar="NAME", help="what found them; default: as the file says")
    parser.add_argument("--detector-version", metavar="TEXT", help="its version")
    parser.add_argument("--threshold", type=float, help="probability from which a place counts as called")
    parser.add_argument("--dry-run", action="store_true", help="say what was read, and do nothing")


def run(arguments: Namespace) -> int:
    told = {
        "--slide": arguments.slide,
        "--by": arguments.by,
        "--detector": arguments.detector,
        "--detector-version": arguments.detector_version,
        "--threshold": arguments.threshold,
    }
    options = [f"{name}={value}" for name, value in told.items() if value is not None]
    options += ["--dry-run"] if arguments.dry_run else []
    command = [sys.executable, str(MANAGE), "import_detections", *options, "--", str(arguments.file)]
    return subprocess.run(command, check=False).returncode
