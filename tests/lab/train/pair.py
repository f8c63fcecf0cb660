"""What each of two processes does in `test_distributed`: one gradient in double precision, then a training."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from analysis.lab import train as training
from analysis.lab.train import TrainConfig, World
from analysis.lab.train.distributed import spread_over_world, sum_gradients
from analysis.pipeline.networks.hybrid import HybridNet

BATCH = 5


def gradients(world: World) -> dict[str, torch.Tensor]:
    """Of the hybrid on a random batch of which this process has its rows, with running statistics beside them."""
    torch.manual_seed(0)
    net = HybridNet().double().train()
    windows, labels = torch.randn(BATCH, 3, 32, 32, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1])
    if world.size > 1:
        spread_over_world(net, world, BATCH)
    rows = world.rows(BATCH)
    torch.manual_seed(7)
    (cross_entropy(net(windows[rows]), labels[rows], reduction="sum") / BATCH).backward()
    sum_gradients(net, world)
    found = {name: parameter.grad for name, parameter in net.named_parameters()}
    return found | {name: value for name, value in net.state_dict().items() if "running" in name}


if __name__ == "__main__":
    config, data, runs = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    with training.join_world("cpu") as world:
        save_file({k: v.contiguous() for k, v in gradients(world).items()}, runs / f"{world.rank}.safetensors")
        training.train_network(TrainConfig.from_toml(config), data, runs, world)
