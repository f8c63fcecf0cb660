"""What is kept of a tile benchmark."""

import json

import pytest

from benchmarks import bench_tiles
from benchmarks.bench_tiles import TileBenchmark, add_earlier_rows


def row(who: str, kind: str, per_s: float, failed: int = 0) -> dict:
    return {"who": who, "slide": "a", "kind": kind, "per_s": per_s, "failed": failed}


@pytest.fixture
def bench():
    """Rows without a product."""
    made = TileBenchmark.__new__(TileBenchmark)
    made.rows = [row("MitoWeb", "aligned", 50.0), row("OpenSlide", "aligned", 10.0)]
    return made


def test_parts_that_are_not_measured_again_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_tiles, "RESULT", tmp_path / "tiles.json")
    assert add_earlier_rows([row("MitoWeb", "p95", 1.0)]) == [row("MitoWeb", "p95", 1.0)]
    earlier = [row("MitoWeb", "aligned", 5.0), row("MitoWeb", "p95", 2.0)]
    (tmp_path / "tiles.json").write_text(json.dumps({"rows": earlier}))
    assert add_earlier_rows([row("MitoWeb", "p95", 1.0)]) == [earlier[0], row("MitoWeb", "p95", 1.0)]


def test_requests_that_failed_make_no_ratio(bench):
    assert bench.compare_to_peer("aligned", "per_s") == 5.0
    bench.rows[0]["failed"] = 1
    assert bench.compare_to_peer("aligned", "per_s") is None
