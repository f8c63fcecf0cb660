"""Patches: the right pixels at the right size, negatives away from mitoses, the same every time."""

import json
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from analysis.commands.cli import main
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, nearest_distance
from analysis.lab.datasets.patchset import OFF_CENTRE, RANDOM, PatchRecipe, extract_patches, load_patches
from analysis.lab.datasets.readers import read_labels
from analysis.lab.datasets.windows import open_windows
from analysis.lab.errors import DatasetRefused, SplitRefused
from tests.pipeline.makers import planted_tissue

MITOSES, LOOK_ALIKES = [(300, 300), (700, 250)], [(500, 620), (320, 312)]
# Beside each mitosis a nucleus 45 px away; the last two stand alone.
NUCLEI = [(345, 300), (700, 295), (150, 600), (860, 600)]


@pytest.fixture
def labels(tmp_path):
    """A table of one picture of 1000 by 800 px; one look-alike lies within 30 px of a mitosis."""
    picture = planted_tissue(1000, 800, [*MITOSES, LOOK_ALIKES[0], *NUCLEI])
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return table(tmp_path, [*((*p, "mitosis") for p in MITOSES), *((*p, "look-alike") for p in LOOK_ALIKES)])


def table(folder, places, name="a.png", mpp=0.25):
    path = folder / "places.csv"
    path.write_text("image,mpp,x,y,label\n" + "".join(f"{name},{mpp},{x},{y},{label}\n" for x, y, label in places))
    return path


def test_each_group_has_its_patches_and_negatives_keep_off_mitoses(labels, tmp_path):
    manifest = extract_patches(read_labels(labels), PatchRecipe((50, 100), random_per_mitosis=6), tmp_path / "out")
    assert manifest["counts"] == {MITOSIS: 2, LOOK_ALIKE: 1, RANDOM: 12, OFF_CENTRE: 2}
    assert manifest["left_out"] == {"look_alike: within 30 px of a mitosis": 1}
    places = {
        group: np.array([(r["x_l0"], r["y_l0"]) for r in manifest["patches"] if r["group"] == group])
        for group in manifest["counts"]
    }
    assert np.abs(places[RANDOM][:, None] - MITOSES).max(axis=2).min() >= 75
    apart = nearest_distance(places[OFF_CENTRE], np.array(MITOSES))
    assert ((apart > 30) & (apart <= 60)).all()
    assert nearest_distance(places[OFF_CENTRE], np.array(NUCLEI)).max() < 5, "each is centred on another nucleus"
    assert {r["mitoses_in_window"] for r in manifest["patches"] if r["group"] == RANDOM} == {0}
    assert manifest["prevalence"] == round(2 / 17, 4)


def test_large_windows_hold_no_mitosis_either(labels, tmp_path):
    recipe = PatchRecipe((100, 256), random_per_mitosis=4)
    assert recipe.keep_away_px == 153
    manifest = extract_patches(read_labels(labels), recipe, tmp_path / "out")
    assert {r["mitoses_in_window"] for r in manifest["patches"] if r["group"] == RANDOM} == {0}
    by_size = Counter((row["size_px"], row["group"]) for row in manifest["patches"])
    assert by_size[100, RANDOM] == by_size[256, RANDOM] == 8, "the same places in each size"


def test_patches_are_loaded_as_they_were_cut(labels, tmp_path):
    extract_patches(read_labels(labels), PatchRecipe((100,)), tmp_path / "out")
    windows, is_mitosis, rows = load_patches(tmp_path / "out", 100)
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "images" / "a.png")), cv2.COLOR_BGR2RGB)
    assert is_mitosis.tolist() == [int(row["group"] == MITOSIS) for row in rows]
    for window, row in zip(windows, rows, strict=True):
        if row["group"] == MITOSIS:
            x, y = int(row["x_l0"]), int(row["y_l0"])
            assert np.array_equal(window, picture[y - 50 : y + 50, x - 50 : x + 50])
    assert len(load_patches(tmp_path / "out", 100, groups=(MITOSIS,))[0]) == 2
    with pytest.raises(DatasetRefused, match="no patches of 64 px"):
        load_patches(tmp_path / "out", 64)


def test_the_same_seed_cuts_the_same_pixels_and_another_one_others(labels, tmp_path):
    digests = [
        extract_patches(read_labels(labels), PatchRecipe(seed=seed), tmp_path / name)["sha256"]
        for name, seed in (("one", 1), ("two", 1), ("three", 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_images_of_another_pixel_size_are_brought_to_the_models(tmp_path):
    picture = planted_tissue(500, 400, [(250, 200)], radius=6)
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path = table(tmp_path, [(250, 200, "mitosis")], mpp=0.5)
    extract_patches(
        read_labels(path), PatchRecipe((100,), random_per_mitosis=0, off_centre_per_mitosis=0), tmp_path / "out"
    )
    [window], _, _ = load_patches(tmp_path / "out", 100)
    dark = window.mean(axis=2) < 120
    assert dark.sum() == pytest.approx(np.pi * 12**2, rel=0.15), "6 px at 0.5 µm are 12 px at 0.25"
    assert np.argwhere(dark).mean(axis=0) == pytest.approx([50, 50], abs=1.5)


def test_a_window_at_the_border_is_mirrored(labels, tmp_path):
    with open_windows(tmp_path / "images" / "a.png", 0.25) as reader:
        window = reader.read(20, 400, 100)
        assert window.shape == (100, 100, 3)
        assert np.array_equal(window[:, :30], window[:, 60:30:-1])
        assert reader.read(5, 5, 2048).shape == (2048, 2048, 3), "larger than the image is mirrored again and again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labelled": False}, "1 images: unlabelled"),
        ({"path": None}, "1 images: pixels not at hand"),
        ({"mpp": None}, "1 images: without a pixel size"),
        ({"collection": "mitos-atypia-14", "patient": "05"}, "1 images: H05 is for reporting only"),
        ({"labels": ()}, "There is no mitosis to cut"),
    ],
)
def test_nothing_to_cut_is_refused_with_the_reason(labels, tmp_path, change, said):
    [image] = read_labels(labels)
    with pytest.raises(DatasetRefused, match=said):
        extract_patches([replace(image, **change)], PatchRecipe(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_image_is_named_and_above_one_in_a_hundred_it_is_refused(labels, tmp_path):
    [image] = read_labels(labels)
    (tmp_path / "images" / "b.png").write_bytes((tmp_path / "images" / "a.png").read_bytes()[:5000])
    broken = replace(image, name="b.png", patient="b", path=tmp_path / "images" / "b.png")
    with pytest.raises(DatasetRefused, match=r"1 of 2 images cannot be decoded, such as b.png"):
        extract_patches([image, broken], PatchRecipe(), tmp_path / "out")
    assert not list(tmp_path.glob("*out*")), "nothing half done is left"
    small = PatchRecipe((16,), random_per_mitosis=0, off_centre_per_mitosis=0)
    manifest = extract_patches([*[image] * 99, broken], small, tmp_path / "out")
    assert [name.split(":")[0] for name in manifest["broken_images"]] == ["b.png"]


def test_a_folder_that_is_there_is_never_overwritten(labels, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetRefused, match="is already there"):
        extract_patches(read_labels(labels), PatchRecipe(), tmp_path / "out")


@pytest.mark.parametrize("recipe", [{"sizes_px": (4,)}, {"sizes_px": ()}, {"random_per_mitosis": -1}])
def test_an_absurd_recipe_is_refused(recipe):
    with pytest.raises(DatasetRefused):
        PatchRecipe(**recipe)


def test_a_changed_patch_or_manifest_is_noticed(labels, tmp_path):
    extract_patches(read_labels(labels), PatchRecipe(), tmp_path / "out")
    first = next((tmp_path / "out" / "100px" / MITOSIS).iterdir())
    cv2.imwrite(str(first), np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(DatasetRefused, match="is not the patch that the manifest names"):
        load_patches(tmp_path / "out", 100)
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"label": 1', '"label": 0'))
    with pytest.raises(SplitRefused, match="was changed"):
        load_patches(tmp_path / "out", 100)


@pytest.mark.needs_data
def test_the_command_cuts_real_frames_by_the_parts_of_a_split(data_dir, tmp_path, capsys):
    folder = tmp_path / "frames"
    folder.mkdir()
    names = ("H14_00Bb.jpg", "H15_00Aa.jpg", "H05_00Ab.jpg")
    lines = (data_dir / "mitos14" / "annotations.csv").read_text().splitlines()
    frames = {name: [line for line in lines if line.startswith(name)] for name in names}
    names = [name for name in names if frames[name]]
    for name in names:
        (folder / name).symlink_to(data_dir / "mitos14" / "frames" / name)
    (tmp_path / "labels.csv").write_text("\n".join([lines[0], *(row for name in names for row in frames[name])]))
    assert (
        main(["data", "patches", str(tmp_path / "labels.csv"), "--out", str(tmp_path / "out"), "--size", "50", "100"])
        == 0
    )
    told = capsys.readouterr()
    assert "prevalence" in told.out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert not [row for row in manifest["patches"] if "H05" in row["image"]]
    labelled = sum(line.endswith(",mitosis") for name in names if not name.startswith("H05") for line in frames[name])
    assert manifest["counts"][MITOSIS] == labelled > 0
    windows, _, rows = load_patches(tmp_path / "out", 100, groups=(MITOSIS,))
    assert len(windows) == labelled
    assert {row["part"] for row in rows} == {"train"}
    middles = windows[:, 40:60, 40:60].mean(axis=(1, 2, 3))
    assert (middles < windows.mean(axis=(1, 2, 3))).mean() > 0.8, "a mitosis is darker than what lies about it"
