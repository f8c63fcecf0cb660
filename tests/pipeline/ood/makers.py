"""A data folder with all of the frames and few of the crops, whose reading takes most of the time of a fit."""

import csv
from collections import Counter
from pathlib import Path

from analysis.lab.datasets.crops import TEACHING_SHEET_CROPS
from analysis.lab.datasets.frames import FRAME_SETS
from analysis.lab.ood.fit import MIN_CROPS

SLIDES_PER_SCANNER, SKIPPED = 2, {"midog21": 0, "midogpp": TEACHING_SHEET_CROPS}


def with_few_crops(data: Path, folder: Path) -> Path:
    """A few of each of two slides of each scanner, and as many of those that name no slide."""
    for name, skipped in SKIPPED.items():
        with (data / name / "manifest.csv").open(newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
        (folder / name).mkdir(parents=True)
        (folder / name / "patches").symlink_to(data / name / "patches")
        with (folder / name / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows[:skipped] + _few_of_each_slide(rows[skipped:]))
    for each in FRAME_SETS:
        (folder / each.name).symlink_to(data / each.name)
    return folder


def _few_of_each_slide(rows: list[dict]) -> list[dict]:
    of_slides = Counter((row.get("scanner", ""), row.get("slide", "")) for row in rows)
    slides: dict[str, list[str]] = {}
    for (scanner, slide), _ in of_slides.most_common():  # some crops are padded and left out
        slides.setdefault(scanner, []).append(slide)
    kept: Counter[str] = Counter()
    few = []
    for row in rows:
        slide = row.get("slide", "")
        if slide in slides[row.get("scanner", "")][:SLIDES_PER_SCANNER] and kept[slide] < 2 * MIN_CROPS:
            kept[slide] += 1
            few.append(row)
    return few
