"""What a change of colour costs is measured at the margin that is best without it."""

import cv2
import numpy as np
import pytest

from analysis.lab.datasets import mitos14
from analysis.lab.evaluate import FrameScores
from analysis.lab.reproduce import colours
from analysis.pipeline.errors import PipelineRefused
from tests.pipeline.makers import planted_tissue

NOWHERE = np.zeros((0, 2))


@pytest.fixture
def tissue() -> np.ndarray:
    return planted_tissue(200, 200, [(60.0, 60.0), (140.0, 120.0)])


def scores(on_mitoses: list[float], on_look_alikes: list[float]) -> FrameScores:
    margins = (np.array(on_mitoses), np.array(on_look_alikes), np.array(on_look_alikes))
    mitoses = np.array([(50.0, 50.0)])
    return FrameScores("f", "H03", (100.0, 100.0), mitoses, NOWHERE, NOWHERE, np.zeros(0), *margins)


def test_a_shift_of_all_scores_costs_and_the_same_scores_cost_nothing():
    plain = scores([2.0, 3.0, 4.0], [-2.0, -3.0])
    shifted = scores([-1.0, 0.0, 1.0], [-5.0, -6.0])
    found = colours.colour_metrics({colours.AS_IS: [plain], "same": [plain], "shifted": [shifted]})
    assert found["changes"]["same"]["f1_drop"] == 0
    assert found["worst"] == "shifted"
    assert found["worst_drop"] == pytest.approx(1 - found["changes"]["shifted"]["f1"], abs=1e-3)


def test_scores_of_the_unchanged_slides_are_needed():
    with pytest.raises(PipelineRefused, match="as they are"):
        colours.colour_metrics({"shifted": [scores([1.0], [0.0])]})


def test_some_frames_of_each_slide_are_changed_and_keep_their_labels(tissue, tmp_path):
    labels = "frame,slide,split,x,y,label\n" + "".join(
        f"{slide}_{number:02d}.png,{slide},train,{60 + number}.0,50.0,mitosis\n"
        for slide in ("H03", "H04", "H14")
        for number in range(colours.FRAMES_PER_SLIDE + 5)
    )
    frames = tmp_path / "data" / "mitos14" / "frames"
    frames.mkdir(parents=True)
    (frames.parent / "annotations.csv").write_text(labels)
    for row in labels.splitlines()[1:]:
        cv2.imwrite(str(frames / row.split(",")[0]), tissue)
    weaker = colours.CHANGES["haematoxylin x 0.75, eosin x 1.3"].picture
    colours.write_changed(tmp_path / "data", tmp_path / "changed", ("H03", "H04"), weaker)
    found = mitos14.labelled_frames(tmp_path / "changed", mitos14.TRAINING_SLIDES)
    assert [sum(frame.slide == name for frame in found) for name in ("H03", "H04", "H14")] == [20, 20, 0]
    as_they_were = {frame.path.name: frame for frame in mitos14.labelled_frames(tmp_path / "data", ("H03", "H04"))}
    for frame in found:
        assert np.array_equal(frame.mitoses, as_they_were[frame.path.name].mitoses)
        assert np.array_equal(mitos14.read_rgb(frame.path), weaker(cv2.cvtColor(tissue, cv2.COLOR_BGR2RGB)))


def test_the_table_says_how_far_training_went():
    found = colours.colour_metrics({colours.AS_IS: [scores([2.0], [-2.0])], "JPEG quality 30": [scores([1.0], [-2.0])]})
    assert [row["trained"] for row in found["changes"].values()] == [True, False]
    assert found["changes"]["JPEG quality 30"]["detection_f1"] == 0, "nothing was detected and something was to find"
