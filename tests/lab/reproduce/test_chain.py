"""Stages are done once, again when what they are made of changes, and in order."""

from pathlib import Path

import pytest

from analysis.commands import reproduce
from analysis.lab.reproduce.chain import Chain, Stage, run_stages
from analysis.lab.reproduce.stages import choose_stages
from analysis.lab.train.interrupt import stop_on_signal
from analysis.pipeline.errors import PipelineRefused


@pytest.fixture
def chain(tmp_path) -> Chain:
    return Chain(plan=None, data=tmp_path, runs=tmp_path / "runs", out=tmp_path / "out", weights=tmp_path / "weights")


def copying(source: Path, target: Path, name: str = "copy", settings: object = 1) -> Stage:
    def do(_chain: Chain) -> None:
        target.write_bytes(source.read_bytes())

    return Stage(name, do, [source, settings], (target,))


def test_a_finished_stage_is_done_again_only_when_its_source_or_settings_change(chain, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("one")
    assert run_stages(chain, [copying(source, target)], str) == ["copy"]
    assert run_stages(chain, [copying(source, target)], str) == []
    source.write_text("two")
    assert run_stages(chain, [copying(source, target)], str) == ["copy"]
    assert run_stages(chain, [copying(source, target, settings=2)], str) == ["copy"]
    target.unlink()
    assert run_stages(chain, [copying(source, target, settings=2)], str) == ["copy"]


def test_a_chain_that_was_stopped_goes_on_with_the_stage_that_it_was_at(chain, tmp_path):
    (tmp_path / "a").write_text("a")
    first = copying(tmp_path / "a", tmp_path / "b", "first")

    def stop(_chain: Chain) -> None:
        raise KeyboardInterrupt

    stopped = Stage("second", stop, [tmp_path / "b"], (tmp_path / "c",))
    with pytest.raises(KeyboardInterrupt):
        run_stages(chain, [first, stopped], str)
    assert run_stages(chain, [first, copying(tmp_path / "b", tmp_path / "c", "second")], str) == ["second"]


def test_a_stage_whose_source_is_not_made_yet_names_it(chain, tmp_path):
    with pytest.raises(PipelineRefused, match="copy needs .*b, which an earlier stage makes"):
        run_stages(chain, [copying(tmp_path / "b", tmp_path / "c")], str)


def test_a_stage_that_leaves_nothing_is_not_taken_for_finished(chain, tmp_path):
    idle = Stage("idle", lambda chain: None, [], (tmp_path / "figures.json",))
    with pytest.raises(PipelineRefused, match=r"idle has not made figures\.json"):
        run_stages(chain, [idle], str)


def test_stages_are_chosen_by_the_word_before_the_colon(tmp_path):
    found = [Stage(name, print, [], ()) for name in ("data", "train:base", "train:final")]
    assert [stage.name for stage in choose_stages(found, ["train"])] == ["train:base", "train:final"]
    assert len(choose_stages(found, [])) == 3
    with pytest.raises(PipelineRefused, match="no stage trian; there are data, train"):
        choose_stages(found, ["trian"])


def test_hours_that_are_over_end_a_training_like_a_person_would():
    watch, never = reproduce.stop_after(1e-9), reproduce.stop_after(0)
    with stop_on_signal() as request:
        never(1, 0.5)
        assert not request.made
        watch(1, 0.5)
        assert request.made
