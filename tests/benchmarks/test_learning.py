"""What `make bench-learning` is made of: readers who err as often as they are said to, sides that share no glass, parts
that are done once; and the whole way, with tiny budgets.
"""

import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from analysis.lab.datasets.frames import glass_of
from analysis.lab.datasets.mitos14 import Frame
from analysis.lab.errors import SplitRefused
from analysis.lab.evaluate import FrameScores
from analysis.lab.learning.data_set_folder import MPP, PATCH_PX
from analysis.pipeline.errors import PipelineRefused
from analysis.services.learning import places as product
from analysis.services.learning.choice import ONE, Choice
from benchmarks import bench_learning_readers as readers
from benchmarks import bench_learning_sides as sides
from benchmarks.bench_learning_loop import TURNED
from benchmarks.bench_learning_parts import Parts
from benchmarks.bench_learning_readers import READERS, Judged, Place
from benchmarks.bench_tiles_product import PROJECT_ROOT
from tests.lab.gate.makers import picture

MANY = 6000


def made_places(shown: bool = True) -> list[Place]:
    return [Place("f.jpg", float(at), 0.0, at % 3 == 0, shown) for at in range(MANY)]


def test_readers_err_as_often_as_they_are_said_to():
    judged = readers.judge(made_places(), READERS, np.random.default_rng(1))
    assert len(judged) == MANY
    for reader in READERS:
        wrong = np.mean([each.says[reader.name] != each.place.is_mitosis for each in judged])
        assert wrong == pytest.approx(reader.flips, abs=0.015), f"{reader.name} is wrong in {wrong:.1%}"
    assert sum(each.wrong for each in judged) / (3 * MANY) == pytest.approx(
        np.mean([reader.flips for reader in READERS]), abs=0.01
    )


def test_a_mitosis_that_nothing_shows_is_missed_as_often_as_all_readers_miss_it():
    judged = readers.judge(made_places(shown=False), READERS, np.random.default_rng(2))
    missed = np.prod([reader.misses for reader in READERS])
    assert 1 - len(judged) / MANY == pytest.approx(missed, abs=0.01)
    usual = [READERS[1]]
    alone = readers.judge_in_turn(made_places(shown=False), usual, np.random.default_rng(2))
    assert 1 - len(alone) / MANY == pytest.approx(READERS[1].misses, abs=0.02)


def test_hostile_readers_turn_a_fifth_of_the_labels_and_no_others():
    honest, hostile = (
        readers.judge(made_places(), READERS, np.random.default_rng(3), turned) for turned in TURNED.values()
    )
    differs = [one.says != other.says for one, other in zip(honest, hostile, strict=True)]
    turned = [
        all(one.says[name] is not other.says[name] for name in one.says)
        for one, other in zip(honest, hostile, strict=True)
    ]
    assert differs == turned, "a label is turned as a whole or not at all"
    assert np.mean(turned) == pytest.approx(0.2, abs=0.015)


@pytest.mark.parametrize("answers", [(1,), (0,), (1, 1), (1, 0), (0, 0), (1, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_labels_are_those_of_the_product(answers):
    votes = [
        product.Vote(at, at, product.MITOSIS if says else "not_mitosis", "correct", None)
        for at, says in enumerate(answers)
    ]
    place = product.Place(None, 1.0, 1.0, False, votes)
    [wanted] = product._label_place(Choice(agreement=ONE), place, product.Counter())
    assert readers.label_of(sum(answers), len(answers)) == (pytest.approx(wanted.label), wanted.settled)


def scored_frame(margins, points_um, mitoses_um) -> FrameScores:
    places, none = [np.array(given, float).reshape(-1, 2) for given in (mitoses_um, points_um)], np.zeros(0)
    return FrameScores("f", "H07", (100.0, 100.0), places[0], places[1], places[1], np.array(margins), none, none, none)


def test_readers_are_shown_the_surest_first_and_must_find_the_mitoses_among_none_of_them(tmp_path):
    frame = Frame(tmp_path / "f.jpg", "H07", np.zeros((0, 2)), np.zeros((0, 2)), mpp=0.5)
    # The second best lies by the first mitosis, too, and the last one is one too many.
    points, mitoses = [(50, 50), (53, 50), (10, 10), (90, 90)], [(50, 51), (90, 91), (30, 70)]
    found = scored_frame([2.0, 3.0, 1.0, -1.0], points, mitoses)
    asked = readers.places_to_judge(frame, found, shown_per_mm2=300)
    told = [(place.x_px, place.y_px, place.is_mitosis, place.shown) for place in asked]
    assert told == [
        (100.0, 100.0, True, True),
        (20.0, 20.0, False, True),
        (180.0, 182.0, True, False),
        (60.0, 140.0, True, False),
    ], "in pixels of the frame, and nobody is asked twice about one mitosis"


def test_a_data_set_of_verdicts_has_patches_about_their_places_and_is_written_once(tmp_path):
    nothing, frames = np.zeros((0, 2)), []
    for seed, (name, slide, mpp) in enumerate((("a.png", "H04", MPP), ("b.png", "A04", MPP * 1.1))):
        cv2.imwrite(str(tmp_path / name), picture(seed, 420, 400))
        frames.append(Frame(tmp_path / name, slide, nothing, nothing, mpp=mpp))
    judged = [
        Judged(Place("a.png", 200.0, 210.0, True, True), {"one": True, "two": False}),
        Judged(Place("b.png", 200.0, 200.0, False, False), {"one": False, "two": False}),
        Judged(Place("b.png", 2000.0, 200.0, False, True), {"one": False}),
    ]
    data = readers.write_verdicts(tmp_path / "set", "s", judged, frames)
    assert [(row.label, row.settled, row.readers, row.added) for row in data.rows] == [
        (0.5, False, 2, False),
        (0.0, True, 2, True),
    ]
    assert data.table.left_out[0].count == 1
    assert len({row.case for row in data.rows}) == 1, "two scans of one glass are one case"
    assert len({row.slide for row in data.rows}) == 2
    assert all(data.read_patch(row).shape == (PATCH_PX, PATCH_PX, 3) for row in data.rows)
    again = readers.write_verdicts(tmp_path / "set", "s", judged[:1], frames)
    assert again.hash == data.hash


@pytest.mark.parametrize("chosen", [sides.LOOP, sides.CURVE])
def test_no_glass_is_on_two_sides_and_the_reporting_slide_on_none(chosen):
    reviewed = [slide for of_round in chosen.rounds for slide in of_round]
    every = [{glass_of(s) for s in side} for side in (chosen.base, reviewed, chosen.left_out, chosen.locked)]
    assert len(set().union(*every)) == sum(map(len, every))
    assert "H05" not in set().union(*every)
    with pytest.raises(SplitRefused, match="A04 is left_out, and its glass is base already"):
        replace(chosen, base=("H04",), left_out=("A04",))
    with pytest.raises(SplitRefused, match="H05 must not be trained on"):
        replace(chosen, left_out=("H05",))


@pytest.mark.needs_data
def test_the_base_sees_nothing_of_aperio_and_no_field_that_tells_its_threshold(data_dir, tmp_path):
    folder = sides.make_base_data(data_dir, tmp_path, sides.LOOP.base, frames=3, crops_at_most=5)
    tables = [(folder / name).read_text() for name in ("mitos14/annotations.csv", "midog21/manifest.csv")]
    assert "Aperio" not in tables[1] and "Hama" in tables[1]
    assert not any(field in tables[0] for field in (*sides.TOLD_FIELDS, "H05"))
    told = sides.told_frames(data_dir, sides.LOOP.base)
    assert told and all(frame.path.name.startswith(sides.TOLD_FIELDS) for frame in told)


@pytest.mark.needs_data
def test_frames_are_cut_so_that_no_mitosis_is_lost_and_some_tissue_holds_none(data_dir, tmp_path):
    frames = sides.frames_of(data_dir, ("H14", "A02"), most=1)
    locked = sides.make_locked_set(data_dir, tmp_path, ("H14", "A02"), most=1)
    assert len(locked.frames) == 4
    assert locked.mitoses == sum(len(frame.mitoses) for frame in frames)
    assert any(not len(frame.mitoses_px) for frame in locked.frames)
    assert len(locked.cases) == 2


def test_a_cut_keeps_clear_of_mitoses_as_near_to_the_middle_as_it_can():
    assert sides.clear_cut(np.zeros(0), 900) == 450
    assert sides.clear_cut(np.array([440.0, 100.0]), 900) == 560
    crowded = np.arange(0, 900, 100.0)
    assert np.abs(crowded - sides.clear_cut(crowded, 900)).min() == 50


def test_a_finished_part_is_never_done_again_and_a_killed_one_is(tmp_path):
    done = []

    def make(fails: bool = False) -> dict:
        done.append(fails)
        if fails:
            raise KeyboardInterrupt
        return {"f1": 0.5}

    parts = Parts(tmp_path / "b", {"seed": 1, "slides": ("H03",)}, done.append)
    with pytest.raises(KeyboardInterrupt):
        parts.once("round", lambda: make(True))
    first = parts.once("round", make)
    again = Parts(tmp_path / "b", {"seed": 1, "slides": ("H03",)}, str)
    assert again.once("round", lambda: make(True)) == first
    assert [each for each in done if isinstance(each, bool)] == [True, False]
    assert again.seconds() == first["seconds"]
    with pytest.raises(PipelineRefused, match="was begun with other settings; move it away"):
        Parts(tmp_path / "b", {"seed": 2, "slides": ("H03",)}, str)


@pytest.mark.nightly
@pytest.mark.needs_data
@pytest.mark.timeout(1800)
def test_the_whole_way_with_tiny_budgets_goes_on_where_it_was_killed_and_says_that_it_ranks_nothing(tmp_path, data_dir):
    command = [sys.executable, "-m", "benchmarks.bench_learning", "--quick"]
    command += ["--out", str(tmp_path), "--data", str(data_dir)]
    first = subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True)
    for line in first.stderr:
        if line.startswith("honest-2:"):
            first.kill()
    first.wait()
    made = (tmp_path / "learning-quick" / "parts" / "honest-1.json").stat().st_mtime_ns
    subprocess.run(command, cwd=PROJECT_ROOT, check=True)
    found = json.loads((tmp_path / "learning-quick.json").read_text())
    assert (tmp_path / "learning-quick" / "parts" / "honest-1.json").stat().st_mtime_ns == made
    keys = {"quick", "machine", "seconds", "base", "rounds", "scanner_curve", "expected"}
    assert keys <= found.keys() and found["quick"] is True and found["expected"] == []
    assert [(row["labels"], row["round"]) for row in found["rounds"]] == [
        (labels, number) for labels in ("honest", "hostile") for number in (1, 2, 3)
    ]
    of_round = {"verdicts", "wrong_verdicts", "f1_before", "f1_after", "f1_after_95", "gate", "activated", "seconds"}
    for row in found["rounds"]:
        assert of_round <= row.keys() and {"verdict", "sentence", "failed"} <= row["gate"].keys()
        assert not (row["activated"] and row["gate"]["failed"]), "what fails a clause never comes into use"
    assert [row["verdicts"] for row in found["scanner_curve"]] == [0, 16, 32]
    assert all({"f1", "f1_95", "mitoses", "seconds"} <= row.keys() for row in found["scanner_curve"])
    assert (tmp_path / "learning-quick.png").read_bytes().startswith(b"\x89PNG")
    assert not any("H05" in path.name for path in tmp_path.rglob("*"))
