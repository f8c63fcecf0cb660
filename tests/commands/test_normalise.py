"""`mitosis normalise`: before/after pictures, and profiles taught on the command line."""

import json
import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from analysis.commands.cli import main
from analysis.lab.normalise.before_after import PIECE_PX, piece_of, side_by_side
from analysis.lab.normalise.training import Row, compare_profiles, sample_of, spread_between_slides
from analysis.pipeline.errors import NormaliserFailed, PipelineRefused
from tests.pipeline.stains import stained

SIZE = 240


def write(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


def normalise(*arguments) -> int:
    return main(["normalise", *map(str, arguments)])


@pytest.fixture
def image(tmp_path):
    return write(tmp_path / "field.png", stained(0.6, SIZE))


@pytest.mark.parametrize("to", ["macenko", "midog-cs2", "stainnet:midog-cs2"])
def test_a_picture_shows_before_and_after_with_a_seam_and_captions(image, tmp_path, to):
    assert normalise(image, "--to", to, "--out", tmp_path / "out") == 0
    [written] = (tmp_path / "out").iterdir()
    assert written.name == f"field-{'macenko' if to == 'macenko' else 'stainnet-midog-cs2'}.png"
    shown = cv2.cvtColor(cv2.imread(str(written)), cv2.COLOR_BGR2RGB)
    half = (shown.shape[1] - 6) // 2
    assert half % SIZE == 0
    times = half // SIZE
    before, after = shown[-SIZE * times :: times, :half:times], shown[-SIZE * times :: times, half + 6 :: times]
    assert np.array_equal(before, stained(0.6, SIZE))
    assert before.shape == after.shape
    assert np.abs(before.astype(int) - after).mean() > 3
    assert (shown[:, half : half + 6] == 255).all()
    captions = shown[:36]
    assert (captions[:, :half] < 100).any()
    assert (captions[:, half:] < 100).any()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--to", "macenco"], "no normaliser macenco.*Did you mean macenko"),
        (["--to", "stainnet:midog-xy"], "no profile midog-xy.*Did you mean midog-xr"),
        ([], "Name an image, and --to one of none, macenko"),
    ],
)
def test_an_unknown_or_missing_normaliser_is_refused_with_what_there_is(image, tmp_path, capsys, wrong, words):
    assert normalise(image, *wrong, "--out", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert re.search(words, error)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_or_shows_no_tissue_is_named_and_the_others_go_on(image, tmp_path, capsys):
    text, glass = tmp_path / "text.png", write(tmp_path / "glass.png", np.full((200, 200, 3), 244, np.uint8))
    text.write_text("no image")
    missing = tmp_path / "missing.svs"
    assert normalise(text, glass, missing, image, "--to", "macenko", "--out", tmp_path / "out") == 1
    error = capsys.readouterr().err
    for name in ("text.png", "glass.png: There is no stained tissue", "missing.svs"):
        assert name in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["field-macenko.png"]


def test_a_picture_never_replaces_the_image_it_shows(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "a-macenko.png"
    image = write(tmp_path / "a.png", stained(0.6, SIZE))
    folder.symlink_to(image)
    before = image.read_bytes()
    assert normalise(image, "--to", "macenko", "--out", tmp_path) == 1
    assert "would replace the image" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_a_large_slide_is_shown_by_its_fullest_piece_and_fitted_to_tissue_from_all_over():
    slide = np.full((3000, 4000, 3), 245, np.uint8)
    slide[1700:2900, 2500:3900] = np.tile(stained(0.6, 200), (6, 7, 1))
    slide[100:400, 100:400] = np.tile(stained(1.0, 100), (3, 3, 1))
    piece = piece_of(as_reader(slide))
    assert piece.rgb.shape == (PIECE_PX, PIECE_PX, 3)
    assert 2400 < piece.x_l0 < 3000
    assert 1600 < piece.y_l0 < 2000
    assert piece.tissue.shape[1] > 50_000
    assert (piece.tissue.max(axis=-1) - piece.tissue.min(axis=-1) > 15).all()
    with pytest.raises(NormaliserFailed, match="no stained tissue"):
        piece_of(as_reader(np.full((300, 300, 3), 245, np.uint8)))


def test_captions_fit_over_a_narrow_picture():
    shown = side_by_side(stained(0.6, 20), stained(0.6, 20), ("before", "after: profile midog-s360"))
    assert shown.shape[1] >= 2 * 200


def test_a_profile_is_taught_on_a_folder_and_can_be_read(tmp_path, capsys):
    for index, strength in enumerate((0.5, 0.7, 0.9)):
        write(tmp_path / "slides" / f"{index}.png", stained(strength, 120))
    asked = ("--train-profile", "made", "--source", tmp_path / "slides", "--out", tmp_path)
    assert normalise(*asked) == 0
    assert "3 slides" in capsys.readouterr().err
    card = json.loads((tmp_path / "made.json").read_text())
    assert (card["slides"], card["images"], card["teacher"]) == (3, 3, "macenko")


def test_a_net_fitted_to_the_slide_is_nearer_to_its_teacher_than_a_profile_of_others(tmp_path):
    for index, strength in enumerate((0.5, 1.0)):
        write(tmp_path / f"{index}.png", stained(strength, 210))
    [row] = compare_profiles(sample_of(str(tmp_path), tmp_path), most=1)
    assert row.fitted < 2 < row.profile
    with pytest.raises(PipelineRefused, match="one slide only"):
        compare_profiles(sample_of(str(write(tmp_path / "alone" / "0.png", stained(0.5)).parent), tmp_path), most=1)


def test_slides_lie_apart_by_what_their_mean_colours_differ():
    rows = [Row(str(value), 0, 0, 0, {"fitted": np.full(3, value)}) for value in (100.0, 120.0)]
    assert spread_between_slides(rows, "fitted") == 10


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--train-profile", "made"], "name its --source"),
        (["--train-profile", "Made Up", "--source", "mitos14"], "cannot be called Made Up"),
        (["--train-profile", "made", "--source", "mitos15"], "no source mitos15"),
        (["--train-profile", "made", "--source", "FOLDER"], "shows no stained tissue"),
        (["--compare", "--source", "KEPT"], "kept for the report"),
    ],
)
def test_a_profile_that_cannot_be_taught_says_why(tmp_path, capsys, asked, words):
    write(tmp_path / "glass" / "a.png", np.full((100, 100, 3), 244, np.uint8))
    write(tmp_path / "kept" / "H05_01.png", stained(0.6, 100))
    folders = {"FOLDER": tmp_path / "glass", "KEPT": tmp_path / "kept"}
    assert normalise(*(folders.get(word, word) for word in asked), "--out", tmp_path) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.needs_data
def test_the_sources_at_hand_are_read_by_slide_and_never_the_validation_slide(data_dir):
    from analysis.lab.normalise import training

    slides = {slide for slide, _ in training._images_of("mitos14", data_dir)}
    assert slides == {"H03", "H04", "H07", "H14", "H15"}
    crops = list(training._images_of("midog21:Aperio CS2", data_dir))
    assert len(crops) == 688
    with pytest.raises(PipelineRefused, match="Did you mean Hamamatsu S360"):
        list(training._images_of("midog21:Hamamatsu S36", data_dir))


def as_reader(rgb):
    """An array as the pipeline's Reader."""

    def read(x, y, w, h, downsample):
        rows = np.round(y + (np.arange(h) + 0.5) * downsample - 0.5).astype(int)
        columns = np.round(x + (np.arange(w) + 0.5) * downsample - 0.5).astype(int)
        inside = ((rows >= 0) & (rows < rgb.shape[0]))[:, None] & ((columns >= 0) & (columns < rgb.shape[1]))
        found = rgb[np.clip(rows, 0, rgb.shape[0] - 1)[:, None], np.clip(columns, 0, rgb.shape[1] - 1)]
        return np.where(inside[..., None], found, 255).astype(np.uint8)

    info = SimpleNamespace(width=rgb.shape[1], height=rgb.shape[0], mpp_x=None, mpp_y=None)
    return SimpleNamespace(info=info, read=read)
