"""The paper's patches: which there are, in which order, and what is done to them."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.lab import augment
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MITOSIS_SPOT, NUCLEUS, Source, as_points, frames
from analysis.lab.train import Stage
from analysis.lab.train.places import clear_of_mitoses, measured_places, paper_places
from analysis.lab.train.sampling import PatchSampler, make_sampler, positive_weight
from tests.pipeline.makers import planted_tissue


@pytest.fixture
def frame() -> Source:
    """A frame of 600 px with ten mitoses along its left edge, four look-alikes, one of them beside a mitosis."""
    mitoses = [(0, 40.0, 50.0 + 55 * i) for i in range(10)]
    look_alikes = [(0, 75.0, 60.0), (0, 300.0, 300.0), (0, 400.0, 100.0), (0, 500.0, 500.0)]
    points = {MITOSIS: as_points(mitoses), MITOSIS_SPOT: as_points(mitoses), LOOK_ALIKE: as_points(look_alikes)}
    points[NUCLEUS] = as_points([(0, 200.0 + i, 30.0 + 20 * i) for i in range(20)])
    return Source("H03", "frame", 0.25, [planted_tissue(600, 600, [(40, 50)])], points)


@pytest.fixture
def paper(config):
    return replace(config, sampling="patches", augmentation="none", mine_at=(), stages=(Stage(100, 9),))


def test_negatives_have_no_mitosis_in_their_window(frame):
    places = paper_places(frame, 100, np.random.default_rng(0))
    assert len(places.mitoses) == 10
    assert len(places.others) == 13
    assert places.look_alikes.tolist() == frame.points[LOOK_ALIKE][1:].tolist()
    assert clear_of_mitoses(frame, places.others, 60).all()
    assert not clear_of_mitoses(frame, places.mitoses, 60).any()


def test_a_frame_crowded_with_mitoses_gives_what_it_has(frame):
    assert len(paper_places(frame, 1300, np.random.default_rng(0)).others) == 0


def test_figures_are_measured_on_nuclei_spread_over_the_image(frame):
    places = measured_places(frame, 100)
    assert len(places.others) == 12
    assert places.others[0].tolist() == frame.points[NUCLEUS][0].tolist()
    assert places.others[-1].tolist() == frame.points[NUCLEUS][-1].tolist()


def test_every_patch_comes_once_a_round_in_an_order_of_its_own(frame, paper):
    sampler = PatchSampler([frame], paper)
    total = sampler.positives + sampler.negatives
    assert (sampler.positives, sampler.negatives) == (10, 16)
    rounds = [[tuple(place) for _, place, _ in sampler._draw_places(step, total)] for step in range(2)]
    assert sorted(rounds[0]) == sorted(rounds[1])
    assert len(set(rounds[0])) == total
    assert rounds[0] != rounds[1]


def test_a_batch_hangs_on_seed_and_step_alone(frame, paper):
    one, other = (PatchSampler([frame], replace(paper, augmentation="paper")) for _ in range(2))
    one.batch(0, 4, 40)
    assert np.array_equal(one.batch(3, 4, 40)[0], other.batch(3, 4, 40)[0])
    assert not np.array_equal(one.batch(3, 4, 40)[0], one.batch(4, 4, 40)[0])


def test_patches_are_centred_on_their_labels(frame, paper):
    sampler = PatchSampler([frame], paper)
    windows, labels = sampler.batch(0, 26, 40)
    for window, label, (source, (image, x, y), target) in zip(
        windows, labels, sampler._draw_places(0, 26), strict=True
    ):
        assert label == target
        assert np.array_equal(window, augment.cut_window(source.images[int(image)], x, y, 40))


def test_a_mitosis_weighs_as_much_more_as_there_are_more_negatives(frame, paper):
    assert positive_weight(make_sampler([frame], paper)) == pytest.approx(1.6)
    assert positive_weight(make_sampler([frame], replace(paper, sampling="balanced", augmentation="improved"))) < 1.3
    lonely = replace(frame, points=frame.points | {MITOSIS: frame.points[MITOSIS][:1], LOOK_ALIKE: as_points([])})
    lonely.points[LOOK_ALIKE] = as_points([(0, 400.0, 20.0 * i) for i in range(30)])
    assert positive_weight(make_sampler([lonely], paper)) == 10


def test_crops_give_nuclei_beside_their_mitosis(data, config):
    from analysis.lab.datasets import crops

    (source,) = crops.load_crops(data, "midog21")
    places = paper_places(source, 100, np.random.default_rng(0))
    assert len(places.mitoses) == 2
    assert 0 < len(places.others) <= len(source.points[NUCLEUS])


def test_the_balanced_sampler_is_the_datas_own(data, config):
    sources = frames.load_slides(data, ("H03",))
    assert set(make_sampler(sources, config).hardness) == {"H03"}
