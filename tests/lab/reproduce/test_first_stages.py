"""Both first stages are read at the same numbers of candidates, on the same frames."""

import cv2
import numpy as np

from analysis.lab.datasets import mitos14
from analysis.lab.evaluate import FrameScores
from analysis.lab.reproduce import first_stages
from tests.pipeline.makers import planted_tissue

NOWHERE, NONE = np.zeros((0, 2)), np.zeros(0)
AT_PX = (100.0, 160.0)


def frame_of(name: str, candidates: np.ndarray, finder: np.ndarray) -> FrameScores:
    """A frame with one mitosis at AT_PX, of 440 px a side."""
    side_um = 440 * mitos14.FRAME_MPP
    mitoses = np.array([AT_PX]) * mitos14.FRAME_MPP
    return FrameScores(
        name, name[:3], (side_um, side_um), mitoses, candidates, NOWHERE, NONE, NONE, NONE, NONE, finder=finder
    )


def write_frames(folder, names: list[str]) -> None:
    frames = folder / "mitos14" / "frames"
    frames.mkdir(parents=True)
    rows = [f"{name},{name[:3]},train,{AT_PX[0]},{AT_PX[1]},mitosis" for name in names]
    (frames.parent / "annotations.csv").write_text("\n".join(["frame,slide,split,x,y,label", *rows, ""]))
    for name in names:
        rgb = planted_tissue(440, 440, [AT_PX, (300.0, 300.0)])
        cv2.imwrite(str(frames / name), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def test_darkness_finds_the_planted_nuclei_where_the_learned_stage_found_none(tmp_path):
    write_frames(tmp_path, ["H03_1.png", "H04_1.png"])
    blind = [frame_of(name, NOWHERE, NONE) for name in ("H03_1.png",)]
    seeing = [frame_of("H04_1.png", np.array([AT_PX]) * mitos14.FRAME_MPP, np.array([3.0]))]
    found = first_stages.first_stage_metrics([*blind, *seeing], tmp_path)
    assert found["by_slide"]["H03"] == {
        "learned": {"150": 0.0, "300": 0.0, "500": 0.0},
        "haematoxylin": found["by_slide"]["H03"]["haematoxylin"],
    }
    assert found["by_slide"]["H03"]["haematoxylin"]["500"] == 1.0
    assert found["by_slide"]["H04"]["learned"]["150"] == 1.0
    assert found["pooled"]["learned"]["500"] == 0.5


def test_the_frames_of_darkness_keep_all_but_their_candidates(tmp_path):
    write_frames(tmp_path, ["H03_1.png"])
    (dark,) = first_stages.propose_by_darkness([frame_of("H03_1.png", NOWHERE, NONE)], tmp_path)
    assert len(dark.candidates) == len(dark.finder) >= 2
    assert np.abs(dark.candidates - np.array(AT_PX) * mitos14.FRAME_MPP).max(axis=1).min() < 2
