"""python -m slides.demo OUT_DIR [--data DATA_DIR]: make or fetch the demo slides that are not in the repository."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from slides.demo.builder import build_demo_slides, fetch_cmu


def main(arguments: list[str]) -> None:
    """Say what was made."""
    parser = argparse.ArgumentParser(prog="python -m slides.demo", description=__doc__)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--data", type=Path, help="folder that holds mitos14/")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    slides = build_demo_slides(options.data, options.out_dir) if options.data else []
    cmu = fetch_cmu(options.out_dir)
    for slide in [*slides, *([cmu] if cmu else [])]:
        print(f"{slide.path}: {slide.label}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
