from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, NUCLEUS, OTHER_MITOSIS, Source, as_points
from analysis.lab.errors import ConfigRefused, TrainingRefused
from analysis.lab.finder.training import FinderConfig, FinderTrainer, focal_loss
from analysis.lab.finder.windows import NEGATIVE, NEITHER, POSITIVE, Halved, Mix, WindowSampler, cell_classes
from tests.pipeline.makers import planted_tissue

CONFIG = FinderConfig("micro", (), (), steps=6, batch=2, warmup_steps=2, bfloat16=False, checkpoint_every=3)


def source(kind: str = "frame", side: int = 400) -> Source:
    """One picture at 0.25 µm/px: a mitosis, a look-alike and a nucleus."""
    places = {"mitosis": (side / 2, side / 2), "look": (side / 4, side / 4), "nucleus": (side * 0.8, side / 4)}
    points = {
        MITOSIS: as_points([(0, *places["mitosis"])]),
        LOOK_ALIKE: as_points([(0, *places["look"])]),
        NUCLEUS: as_points([(0, *places["nucleus"])]),
        OTHER_MITOSIS: as_points([]),
    }
    return Source(kind, kind, 0.25, [planted_tissue(side, side, list(places.values()))], points)


def test_cells_are_positive_at_a_mitosis_neither_about_it_and_negative_elsewhere():
    halved = Halved(source())
    offsets_um = np.array([0, 2.9, 3.1, 7.4, 7.6, 20])
    places = np.column_stack([100 + offsets_um / 0.5, np.full(6, 100.0)])
    classes = cell_classes(halved, 0, places, 1.0)
    assert classes.tolist() == [POSITIVE, POSITIVE, NEITHER, NEITHER, NEGATIVE, NEGATIVE]


def test_the_edge_of_a_frame_and_what_lies_outside_teach_nothing():
    classes = cell_classes(Halved(source()), 0, np.array([(5.0, 50.0), (-4.0, 50.0), (30.0, 30.0)]), 1.0)
    assert classes.tolist() == [NEITHER, NEITHER, NEGATIVE]


def test_a_batch_depends_on_seed_and_step_alone():
    sampler = WindowSampler([source("frame"), source("crop", 128)], Mix(), seed=3, colour=1.3)
    windows, cells = sampler.batch(7, 4)
    sampler.batch(1, 2)
    again, cells_again = sampler.batch(7, 4)
    assert (windows == again).all()
    assert (cells == cells_again).all()
    assert windows.shape == (4, 128, 128, 3)
    assert cells.shape == (4, 32, 32)
    assert (windows != sampler.batch(8, 4)[0]).any()


def test_the_loss_of_a_sure_right_answer_is_nothing_and_cells_that_are_neither_do_not_count():
    cells = torch.tensor([[[POSITIVE, NEGATIVE, NEITHER]]], dtype=torch.uint8)
    sure = torch.tensor([[[20.0, -20.0, 20.0]]])
    wrong = torch.tensor([[[-5.0, -20.0, 20.0]]])
    assert focal_loss(sure, cells, 0.5).item() == pytest.approx(0, abs=1e-6)
    assert focal_loss(wrong, cells, 0.5).item() == pytest.approx(5, rel=0.02)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path):
    trainer = FinderTrainer(replace(CONFIG, lr=1e30), [source()], tmp_path)
    with pytest.raises(TrainingRefused, match="The loss became (nan|inf) at step . of micro"):
        trainer.run()


def test_a_configuration_with_something_unknown_is_refused_and_named(tmp_path):
    path = tmp_path / "micro.toml"
    path.write_text('name = "micro"\nslides = []\ncrops = []\nsteps = 3\nhue = 2\n')
    with pytest.raises(ValueError, match=r"micro\.toml is no configuration of a finder"):
        FinderConfig.from_toml(path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"checkpoint_every": 0}, "checkpoint_every is 0; it must be at least 1"),
        ({"lr": float("nan")}, "lr is nan; it must be above 0"),
        ({"ema": 1.5}, "ema is 1.5; it must be between 0 and 1"),
        ({"mix": Mix(dense=-0.1)}, "mix.dense is -0.1; it must be between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    with pytest.raises(ConfigRefused, match=said):
        replace(CONFIG, **wrong)


def test_a_frame_without_mitoses_and_one_with_look_alikes_alone_beside_its_mitosis_can_be_sampled():
    bare, plain = source(), source()
    bare.points[MITOSIS], plain.points[NUCLEUS] = as_points([]), as_points([])
    windows, cells = WindowSampler([bare, plain], Mix(), seed=3, colour=1.3).batch(0, 16)
    assert windows.shape == (16, 128, 128, 3)
    assert (cells == POSITIVE).any()
