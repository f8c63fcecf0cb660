"""Margins near a call are the mean of symmetric views, and of no others."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.pipeline.cards.card import FinderUse, ViewsUse, read_card, write_card
from analysis.pipeline.cards.store import list_models, load_model
from analysis.pipeline.engines import open_engine
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_queue import ScoreQueue
from analysis.pipeline.views import Look, further_views
from tests.pipeline.makers import as_slide, planted_tissue, random_finder, write_model

EVERYWHERE = 1e6


def spots(count: int, seed: int = 1) -> np.ndarray:
    """Patches that look different from every side."""
    return np.random.default_rng(seed).integers(0, 256, (count, 100, 100, 3), np.uint8)


def corner_score(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A network that looks at the upper left corner alone."""
    margins = patches[:, :10, :20, 0].astype(np.float32).mean(axis=(1, 2)) - 127
    return margins, margins[:, None]


def looked(patches: np.ndarray, use: ViewsUse | None, score=corner_score) -> np.ndarray:
    queue = ScoreQueue(score, 4)
    look = Look(queue, patches, np.full(len(patches), 0.5, np.float32), use)
    for _ in range(2):
        queue.finish()
        look.is_over()
    assert look.is_over()
    return look.margins


def test_eight_views_are_all_that_turns_and_mirrors_make_and_four_and_two_are_of_them():
    [patch] = spots(1)
    every = {np.rot90(side, turn).tobytes() for side in (patch, patch[:, ::-1]) for turn in range(4)}
    assert len(every) == 8
    for count in (2, 4, 8):
        views = [view.tobytes() for view in further_views(patch[None], count)[:, 0]]
        found = {patch.tobytes(), *views}
        assert len(found) == count and found <= every, f"{count} views are not {count} different ones"
    quarter_turns = {np.rot90(patch, turn).tobytes() for turn in range(1, 4)}
    assert {view.tobytes() for view in further_views(patch[None], 4)[:, 0]} == quarter_turns


def test_only_margins_near_a_call_become_the_mean_of_the_views():
    patches = spots(30)
    plain = looked(patches, None)
    use = ViewsUse(4, float(np.sort(plain)[10]), float(np.sort(plain)[20]))
    found, near = looked(patches, use), (plain >= use.low) & (plain <= use.high)
    views = [corner_score(np.rot90(patches, turn, axes=(1, 2)))[0] + 0.5 for turn in range(4)]
    assert near.sum() == 11
    assert found[near] == pytest.approx(np.mean(views, axis=0)[near], abs=1e-4)
    assert np.array_equal(found[~near], plain[~near])


@pytest.mark.parametrize("count", [4, 8])
def test_a_quarter_turn_of_a_patch_then_moves_no_margin(count):
    score = open_engine(load_model(list_models()[-1].path), "cpu:float32").score
    sheet = planted_tissue(300, 100, [(44, 50), (56, 46), (150, 40), (238, 66), (256, 40), (290, 80)], radius=7)
    patches = np.stack(np.split(sheet, 3, axis=1))
    use = ViewsUse(count, -EVERYWHERE, EVERYWHERE)
    turned = np.ascontiguousarray(np.rot90(patches, 1, axes=(1, 2)))
    assert np.abs(looked(patches, None, score) - looked(turned, None, score)).max() > 1e-3, (
        "one view shows nothing here"
    )
    assert looked(patches, use, score) == pytest.approx(looked(turned, use, score), abs=1e-4)


def test_with_views_a_tile_says_the_same_alone_and_among_others(tmp_path):
    use = FinderUse(threshold=-4.1, weight=0.5, parameters=130_209)
    model = load_model(write_model(tmp_path, finder=random_finder(3), use=use))
    settings = Settings(0.25, 0.25, tile_px=128)
    with as_slide(planted_tissue(384, 384, [(60, 60), (256, 130), (200, 300)]), tmp_path) as reader:
        work = plan_work(reader, settings, model.card)
        plain = list(Detector(model, settings, "cpu:float32").detect_tiles(reader, work, work.tiles))
        found = sorted(each.probability for result in plain for each in result.detections)
        margins = np.log(found) - np.log1p(-np.array(found))
        views = ViewsUse(4, float(np.quantile(margins, 0.3)), float(np.quantile(margins, 0.9)))
        model = replace(model, card=replace(model.card, views=views, standard=None))
        apart, together = Detector(model, settings, "cpu:float32"), Detector(model, settings, "cpu:float32")
        alone = [apart.detect_tile(reader, work, tile) for tile in work.tiles]
        assert list(together.detect_tiles(reader, work, work.tiles)) == alone
        assert [result.candidates_l0 for result in alone] == [result.candidates_l0 for result in plain]
        assert sorted(each.probability for result in alone for each in result.detections) != found


def test_a_card_says_its_views_and_refuses_what_are_none(tmp_path):
    path = write_model(tmp_path)
    card = read_card(path.with_suffix(".json"))
    assert "views" not in card.as_json(), "cards from before there were views must stay as they were registered"
    write_card(replace(card, views=ViewsUse(8, -2.0, 3.5)), path)
    assert read_card(path.with_suffix(".json")).views == ViewsUse(8, -2.0, 3.5)
    for wrong in (ViewsUse(3, 0, 1), ViewsUse(4, 1, 0)):
        write_card(replace(card, views=wrong), path)
        with pytest.raises(ModelRefused, match="out of range in views"):
            read_card(path.with_suffix(".json"))
    write_card(replace(card, views=ViewsUse(4, float("nan"), 1)), path)
    with pytest.raises(ModelRefused, match="a number that is none"):
        read_card(path.with_suffix(".json"))
