"""What is mined, how it is drawn, and that a run goes on with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from analysis.lab.finder.mining import is_wrong, mine_wrong_places
from analysis.lab.finder.training import FinderConfig, train_finder
from analysis.lab.finder.windows import Halved, Mix, WindowSampler
from analysis.lab.train.interrupt import StopRequest
from tests.lab.finder.test_runs import Gone
from tests.lab.finder.test_training import source
from tests.lab.train.test_runs import same_weights

EVERY_PEAK = -1e9
CONFIG = FinderConfig(
    "miner", ("H03", "H04"), ("midog21",), 6, batch=4, warmup_steps=2, bfloat16=False, checkpoint_every=2,
    mix=Mix(mined=0.5), mine_at=(2, 5), mine_above=EVERY_PEAK, mine_at_most=20,
)  # fmt: skip


class Darkness(nn.Module):
    """Fires at whatever is dark, the farther down and right the surer, so that places have an order."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing, self.head = nn.Parameter(torch.zeros(1)), nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        dark = -nn.functional.avg_pool2d(x.mean(1, keepdim=True), 4)
        return dark + 0.001 * torch.arange(dark.shape[2])[:, None] + 0.0001 * torch.arange(dark.shape[3])


def test_dark_nuclei_are_mined_the_surest_first_and_neither_labelled_mitoses_nor_crops_are():
    found = mine_wrong_places(Darkness(), [Halved(source("crop", 128)), Halved(source())], 0.5, 10, StopRequest())
    # The nucleus and the look-alike; the mitosis lies at (100, 100).
    assert found == pytest.approx(np.array([(1, 0, 160, 50), (1, 0, 50, 50)]), abs=1)
    upside_down = source()
    upside_down.images[0] = upside_down.images[0][::-1].copy()
    found = mine_wrong_places(Darkness(), [Halved(source()), Halved(upside_down)], 0.5, 3, StopRequest())
    assert found[:, 0].tolist() == [1, 1, 0]


def test_what_lies_near_a_mitosis_or_at_the_edge_of_a_frame_is_not_wrong():
    away_um = np.array([0, 7.4, 11.4, 11.6])
    points = np.vstack([np.column_stack([100 + away_um / 0.5, np.full(4, 100.0)]), [(5.0, 60.0), (50.0, 50.0)]])
    assert is_wrong(Halved(source()), 0, points).tolist() == [False, False, False, True, False, True]


def test_nothing_is_mined_where_nothing_fires_and_where_the_run_shall_stop():
    assert mine_wrong_places(Darkness(), [Halved(source())], 1e9, 10, StopRequest()).shape == (0, 4)
    request = StopRequest()
    request.made = True
    assert mine_wrong_places(Darkness(), [Halved(source())], 0.5, 10, request) is None


def test_mined_places_are_drawn_with_their_share_and_none_changes_nothing():
    sampler = WindowSampler([source(side=800)], Mix(mined=1.0), seed=3, colour=0.0)
    as_before = WindowSampler([source(side=800)], Mix(mined=0.0), seed=3, colour=0.0).batch(0, 4)[0]
    assert (sampler.batch(0, 4)[0] == as_before).all()
    sampler.mined = np.array([(0, 0, 20.0, 380.0)], np.float32)
    windows, cells = sampler.batch(0, 8)
    # 127 µm from the mitosis, so no window about it has a positive cell.
    assert not (cells == 1).any()
    assert (sampler.batch(0, 8)[0] == windows).all()


def test_a_run_that_ends_after_a_mining_goes_on_with_what_was_mined(data, tmp_path):
    def end(step: int, loss: float) -> None:
        if step == 4:
            raise Gone

    with pytest.raises(Gone):
        train_finder(CONFIG, data, tmp_path / "ended", watch=end)
    kept = load_file(tmp_path / "ended" / "miner" / "checkpoint.safetensors")["mined"]
    assert 0 < len(kept) <= 20
    resumed, straight = train_finder(CONFIG, data, tmp_path / "ended"), train_finder(CONFIG, data, tmp_path / "whole")
    assert same_weights(straight, resumed, atol=1e-6)
    assert [(run.parent / "log.txt").read_text().count("mined ") for run in (straight, resumed)] == [2, 2]
    unmined = train_finder(replace(CONFIG, mine_at=()), data, tmp_path / "unmined")
    assert not same_weights(straight, unmined, atol=1e-6)
