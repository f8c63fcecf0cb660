"""Two processes on the CPU, joined by gloo, give what one gives."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from analysis.lab import train as training
from analysis.lab.errors import TrainingRefused
from analysis.lab.train import TrainConfig, World, distributed, join_world, start_network
from analysis.lab.train.distributed import WholeBatchDropout
from tests.lab.train import pair

CONFIG = """
name = "pair"
slides = ["H03"]
crops = ["midog21"]
start = "random"
stages = [{ px = 32, steps = 2 }]
mine_at = [1]
mine_px = 32
batch = 5
optimiser = "sgd"
lr = 0.001
warmup_steps = 0
weighted_loss = true
bfloat16 = false
validation = "H04"
validate_every = 1
checkpoint_every = 2
"""


@pytest.mark.timeout(300)  # three starts of torch; seconds when the machine is free
def test_two_processes_give_what_one_gives(data, tmp_path):
    config, runs = tmp_path / "pair.toml", tmp_path / "two"
    config.write_text(CONFIG)
    runs.mkdir()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "tests.lab.train.pair", config, data, runs]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    alone = pair.gradients(World())
    for rank in range(2):
        for name, tensor in load_file(runs / f"{rank}.safetensors").items():
            assert torch.allclose(tensor, alone[name], rtol=1e-9, atol=1e-12), name
    config = TrainConfig.from_toml(config)
    one = load_file(training.train_network(config, data, tmp_path / "one"))
    two = load_file(runs / "pair" / "weights.safetensors")
    torch.manual_seed(config.seed)
    start = start_network("random", tmp_path).state_dict()
    # Rounding grows on even windows: one process whose input is changed by 1e-7 ends up 0.13 of its way off,
    # as far as two processes do. Without shared gradients they would be about as far apart as from the start.
    trained = [name for name in one if name.endswith("weight")]
    apart, moved = (sum((one[n] - other[n]).square().sum() for n in trained) for other in (two, start))
    assert apart < 0.3**2 * moved
    assert (runs / "pair" / "log.txt").read_text().count("sources:") == 1
    lines = [(folder / "pair" / "curves.jsonl").read_text().count("\n") for folder in (tmp_path / "one", runs)]
    assert lines[0] == lines[1]


def test_the_rows_of_all_processes_are_the_batch():
    rows = [np.arange(7)[World(rank, 3).rows(7)] for rank in range(3)]
    assert np.concatenate(rows).tolist() == list(range(7))
    assert all(len(part) for part in rows)


def test_a_part_of_the_dropout_mask_is_that_of_one_process():
    whole, x = nn.Dropout(0.5), torch.randn(6, 4)
    torch.manual_seed(3)
    expected = whole(x)
    parts = []
    for rank in range(2):
        world = World(rank, 2)
        torch.manual_seed(3)
        parts.append(WholeBatchDropout(0.5, world, 6)(x[world.rows(6)]))
    assert torch.equal(torch.cat(parts), expected)


def test_one_process_is_a_world_of_its_own():
    with join_world("cpu") as world:
        assert (world.rank, world.size, world.device.type) == (0, 1, "cpu")
        assert world.any_of(True)
        assert world.from_first(0.5) == 0.5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said_to_be_missing(config):
    with pytest.raises(TrainingRefused, match="no GPU"), join_world("cuda"):
        training.train_network(replace(config), None, None)


def test_a_processor_that_only_emulates_bfloat16_computes_in_float32(monkeypatch):
    for has, computes in ((True, [True, False]), (False, [False, False])):
        monkeypatch.setattr(distributed, "cpu_has_bfloat16", lambda has=has: has)
        assert [World().computes_bfloat16(wanted) for wanted in (True, False)] == computes
    assert World(device=torch.device("cuda")).computes_bfloat16(True)
