"""What `make bench-detect` counts, and how it lays its slides out; no time is asserted."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from analysis.pipeline.networks.graphs import Graph
from benchmarks import bench_detect, bench_detect_arithmetic, bench_detect_slides


def test_convolutions_cost_each_output_what_goes_into_it():
    x = ops.parameter([1, 6, 10, 8], np.float32)
    plain = ops.convolution(x, ops.constant(np.ones((4, 6, 3, 3), np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
    grouped = ops.group_convolution(
        plain, ops.constant(np.ones((4, 1, 1, 3, 3), np.float32)), [2, 2], [1, 1], [1, 1], [1, 1]
    )
    body = ov.Model([grouped], [x])
    assert bench_detect_arithmetic._macs_of(Graph(body, body)) == 4 * 10 * 8 * 6 * 9 + 4 * 5 * 4 * 9


@pytest.mark.parametrize(("name", "area_mm2", "share"), [("0.13", 0.13, 1), ("8.7", 8.7, 1), ("glass", 2.0, 0.2)])
def test_a_layout_holds_the_tissue_that_its_name_says(name, area_mm2, share, monkeypatch):
    monkeypatch.setattr(bench_detect_slides, "FRAME_W", 1663 // 40)
    monkeypatch.setattr(bench_detect_slides, "FRAME_H", 1485 // 40)
    frame = np.zeros((1485 // 40, 1663 // 40, 3), np.uint8)
    monkeypatch.setattr(bench_detect_slides, "_pictures", lambda frames: iter([frame] * 200))
    is_tissue = (bench_detect_slides._lay_out(name, []) == 0).all(axis=2)
    assert is_tissue.sum() / frame[..., 0].size * (1663 * 1485 * 0.2273e-3**2) == pytest.approx(area_mm2, rel=0.03)
    assert is_tissue.mean() == pytest.approx(share, abs=0.06)


def test_slide_h05_is_never_among_the_frames(tmp_path, monkeypatch):
    folder = tmp_path / "mitos14" / "frames"
    folder.mkdir(parents=True)
    for name in ("H03_00Aa.jpg", "H05_03Aa.jpg"):
        (folder / name).touch()
    seen: list[Path] = []
    monkeypatch.setattr(
        bench_detect_slides, "_lay_out", lambda name, frames: seen.extend(frames) or np.zeros((9, 9, 3))
    )
    monkeypatch.setattr(bench_detect_slides, "_write_pyramid", lambda part, pixels: part.touch())
    assert bench_detect_slides.make_slide("0.13", tmp_path, tmp_path / "out")[1] == "mitos14"
    assert [path.name for path in seen] == ["H03_00Aa.jpg"]


def test_ratios_are_of_the_least_times():
    rows = [{"seconds_per_mm2": 2.0, "cpu_seconds_per_mm2": 3.0}, {"seconds_per_mm2": 1.0, "cpu_seconds_per_mm2": 1.5}]
    peer = {"seconds_per_mm2": 8.0, "cpu_seconds_per_mm2": 12.0}
    assert bench_detect.divide_times(bench_detect.pick_least(rows), peer) == 0.125
    assert bench_detect.divide_times(bench_detect.pick_least(rows), peer, "cpu_seconds_per_mm2") == 0.125


@pytest.mark.nightly
@pytest.mark.needs_data
@pytest.mark.timeout(900)
def test_the_file_of_figures_has_what_measures_the_product(tmp_path, monkeypatch, data_dir):
    monkeypatch.setattr(bench_detect, "BENCH", tmp_path)
    wanted = ["--areas", "0.13", "--compared", "0.13", "--rounds", "1", "--data", str(data_dir)]
    monkeypatch.setattr("sys.argv", ["bench_detect", *wanted])
    bench_detect.main()
    found = json.loads((tmp_path / "detect.json").read_text())
    keys = {"seconds_per_mm2", "ratio_to_retinanet", "ratio_to_grid", "ratio_to_first_release", "area_mm2"}
    assert all(found[key] > 0 for key in keys)
    assert found["by_area"]["0.13"]["detections"] >= found["by_area"]["0.13"]["mitoses"]
    assert {"float32", "openvino-float32", "openvino-int8"} <= found["by_format"].keys()
    assert 0 < found["arithmetic"]["share_of_peak"] < 1
