"""The benchmarks of reading: what their lists hold, and that each measures what it says with small numbers."""

import json
import subprocess
import sys

import numpy as np
import pytest

from analysis.pipeline.count.search import Frame, Search
from benchmarks import bench_task
from benchmarks.bench_tiles_product import PROJECT_ROOT
from benchmarks.reading_room import HEIGHT, MPP, WIDTH


def test_a_made_list_holds_so_many_true_figures_in_its_best_window_and_is_numbered_as_an_import_is():
    made = bench_task.draw_list(1, 8)
    search = Search(made.places_l0, bench_task.PROTOCOL.shape, Frame(MPP, MPP, WIDTH, HEIGHT))
    assert (search.best(made.truth.astype(float))[0].count, made.score) == (8, "2")
    rows = [tuple(place) for place in made.places_l0[:, ::-1].tolist()]
    assert rows == sorted(rows)
    assert np.all(made.probabilities >= 0.5)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("task", ["--seeds", "1", "--targets", "7"]),
        ("crop", ["--keys", "10"]),
        ("first_mark", ["--regions", "1"]),
        ("many", ["--detections", "2000", "--verdicts", "3"]),
    ],
)
def test_a_benchmark_of_reading_runs_to_its_end(chromium_path, tmp_path, name, options):
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", f"benchmarks.bench_{name}", *options, "--result", str(result)]
    subprocess.run(command, cwd=PROJECT_ROOT, check=True)
    found = json.loads(result.read_text())
    if name == "task":
        assert found["by_effect"]["wrong"] == found["viewer_alone"]["wrong"] == 0
        assert found["by_effect"]["verdicts"]["median"] <= found["viewer_alone"]["verdicts"]["median"]
    elif name == "crop":
        assert found["loaded_ahead"]["keys"] == 10
    elif name == "first_mark":
        assert len(found["seconds"]) == 1
    else:
        assert found["feed"]["requests"] == 1
