import json
from pathlib import Path

import numpy as np
import pytest

from analysis.lab.datasets import IGNORE_OUTER_PX, LOOK_ALIKE, MITOSIS, NUCLEUS, crops, frames, nearest_distance
from analysis.lab.datasets.sampler import Sampler, Shares
from analysis.lab.errors import DatasetRefused


def test_the_validation_slide_cannot_be_trained_on(tmp_path):
    with pytest.raises(ValueError, match="H05 must not be trained on"):
        frames.load_slides(tmp_path, ("H03", "H05"))


def test_slides_and_crops_that_there_are_not_are_named_with_those_there_are(tmp_path):
    with pytest.raises(DatasetRefused, match="There is no slide H33, but H03, .*; did you mean H03?"):
        frames.load_slides(tmp_path, ("H33",))
    with pytest.raises(
        DatasetRefused,
        match="There are no crops midog, but midog21, .*tupac16_crops; did you mean midog",
    ):
        crops.load_crops(tmp_path, "midog")


def test_crops_that_the_data_lack_are_named_with_where_they_were_looked_for(tmp_path):
    with pytest.raises(DatasetRefused, match=r"There is no .*midogpp/manifest\.csv; crops midogpp are read from"):
        crops.load_crops(tmp_path, "midogpp")


@pytest.mark.needs_data
def test_a_slides_labels_are_those_of_its_file_and_negatives_keep_off_them(data_dir):
    [slide] = frames.load_slides(data_dir, ("H15",))
    assert (len(slide.images), len(slide.points[MITOSIS]), len(slide.points[LOOK_ALIKE])) == (22, 25, 208)
    assert slide.images[0].shape == (1350, 1512, 3)
    for index in range(len(slide.images)):
        places = {group: points[points[:, 0] == index][:, 1:] for group, points in slide.points.items()}
        assert nearest_distance(places[NUCLEUS], places[MITOSIS]).min() > IGNORE_OUTER_PX
        assert places[NUCLEUS].min() >= 25


@pytest.mark.needs_data
def test_crops_of_the_teaching_sheet_are_left_out_and_padding_is_cut_off(data_dir):
    [source] = crops.load_crops(data_dir, "midogpp")
    sheet = json.loads((Path(crops.__file__).parents[3] / "slides/demo/teaching_sheet.json").read_text())
    shown = {point["crop"] for point in sheet["points"]}
    assert len(shown) == 60
    assert not shown & {path.name for path in source.files}
    assert not any(crops.is_padded(image) for image in source.images)
    assert len(source.images) == 1000 - 60


@pytest.mark.needs_data
def test_a_source_names_the_files_its_labels_came_from(data_dir):
    [slide] = frames.load_slides(data_dir, ("H15",))
    assert slide.labels == [data_dir / "mitos14/annotations.csv"]
    votes = [data_dir / "midog21/manifest.csv", data_dir / "formats/MIDOG++.json"]
    assert all(source.labels == votes for source in crops.load_crops(data_dir, "midog21", with_votes=True))


@pytest.mark.needs_data
def test_crops_of_several_scanners_are_sources_of_their_own(data_dir):
    sources = crops.load_crops(data_dir, "midog21")
    assert [source.name for source in sources] == [
        "midog21 Aperio CS2",
        "midog21 Hamamatsu S360",
        "midog21 Hamammatsu XR",
    ]
    assert sum(len(source.images) for source in sources) == 1721


def test_further_mitoses_of_a_crop_are_read_from_its_row():
    assert crops.other_mitoses({"other_mitosis_offsets": "12.5:30|90:100"}).tolist() == [[12.5, 30], [90, 100]]
    assert crops.other_mitoses({}).shape == (0, 2)


def test_black_padding_is_recognised():
    crop = np.full((128, 128, 3), 180, np.uint8)
    assert not crops.is_padded(crop)
    crop[:, :1] = 0
    assert crops.is_padded(crop)


@pytest.mark.needs_data
def test_a_batch_depends_on_its_seed_and_step_alone(data_dir):
    sources = crops.load_crops(data_dir, "midogpp")
    one, two = Sampler(sources, Shares(), seed=4), Sampler(sources, Shares(), seed=4)
    one.batch(0, 8, 64)
    for first, second in zip(one.batch(5, 8, 64), two.batch(5, 8, 64), strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(one.batch(6, 8, 64)[0], one.batch(5, 8, 64)[0])
