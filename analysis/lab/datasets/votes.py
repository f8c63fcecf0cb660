"""How many readers called a figure a mitosis: the crops of MIDOG 2021 joined by place with the votes in `MIDOG++.json`.

The crops' manifest names slide and place; MIDOG++ labels the same slides and keeps each reader's vote (two, or three
after a tie), category 1 being the mitotic figure. The first two differ on 21 % of its 26,286 candidates, so a figure on
which readers differed is a softer example than one they agreed on.
"""

import json
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

MITOSIS_VOTE = 1
# Boxes were rounded to whole pixels: the same figure lies within two.
SAME_FIGURE_PX = 2.0
VOTES_FILE = Path("formats") / "MIDOG++.json"


def vote_shares(data: Path, rows: list[dict]) -> np.ndarray:
    """Share of votes for mitosis, float (n,) in (0, 1], for rows with `slide`, `slide_x`, `slide_y`.

    1 where the data folder has no votes for a row. Raises FileNotFoundError when `formats/MIDOG++.json` is missing.
    """
    known = _votes_by_slide(data / VOTES_FILE)
    shares = np.ones(len(rows))
    for index, row in enumerate(rows):
        if row.get("slide") not in known:
            continue
        places, votes = known[row["slide"]]
        away, nearest = places.query((float(row["slide_x"]), float(row["slide_y"])))
        if away <= SAME_FIGURE_PX:
            shares[index] = votes[nearest]
    return shares


def _votes_by_slide(path: Path) -> dict[str, tuple[cKDTree, list[float]]]:
    raw = json.loads(path.read_text())
    slide_of = {image["id"]: image["file_name"] for image in raw["images"]}
    found: dict[str, tuple[list, list]] = {}
    for label in raw["annotations"]:
        if label.get("labels"):
            x1, y1, x2, y2 = label["bbox"]
            places, shares = found.setdefault(slide_of[label["image_id"]], ([], []))
            places.append(((x1 + x2) / 2, (y1 + y2) / 2))
            shares.append(label["labels"].count(MITOSIS_VOTE) / len(label["labels"]))
    return {slide: (cKDTree(places), shares) for slide, (places, shares) in found.items()}
