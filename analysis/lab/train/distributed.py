"""One training in several processes: each has a part of the same batch, and the result is one process's.

`torchrun --nproc-per-node N -m analysis.commands train CONFIG` starts them; NCCL joins GPUs, gloo CPUs. Every process
draws the whole batch, which depends on (seed, step) alone, and works on its rows. Batch norms take mean and variance of
the whole batch (torch's SyncBatchNorm works on GPUs alone), dropout masks are cut from the whole batch's, and gradients
are summed. So nothing but the order of sums differs from one process. A baseline with stochastic depth
(EfficientNet-B0) draws that for each part by itself: there the result is another, equally good one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from analysis.lab.errors import TrainingRefused
from analysis.pipeline.classify import cpu_has_bfloat16


@dataclass(frozen=True)
class World:
    """This process among `size`, and what it computes on."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    def computes_bfloat16(self, wanted: bool) -> bool:
        """Whether passes are in bfloat16: where that is wanted and the device does not merely emulate it."""
        return wanted and (self.device.type != "cpu" or cpu_has_bfloat16())

    def autocast(self, bfloat16: bool) -> torch.autocast:
        """What a pass of a network is made in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.computes_bfloat16(bfloat16))

    def rows(self, batch: int) -> slice:
        """Which rows of a batch are this process's."""
        return slice(batch * self.rank // self.size, batch * (self.rank + 1) // self.size)

    def summed(self, tensor: Tensor) -> Tensor:
        """The sum over all processes; the tensor itself is changed."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def summed_array(self, array: np.ndarray) -> None:
        """Changes a float array to its sum over all processes."""
        if self.size > 1:
            array[:] = self.summed(torch.from_numpy(array).to(self.device)).cpu().numpy()

    def any_of(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        return flag if self.size == 1 else bool(self.summed(torch.tensor(float(flag), device=self.device)) > 0)

    def from_first(self, value: float) -> float:
        """The first process's value."""
        return value if self.size == 1 else float(self.summed(torch.tensor(value * (self.rank == 0)).to(self.device)))

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """The world that torchrun made, or this process alone. `device` is auto, cpu or cuda.

    Raises TrainingRefused where a GPU is asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingRefused("There is no GPU that torch can use here; leave --device out to train on the CPU.")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if not distributed.is_torchelastic_launched():
        yield World(device=torch.device("cuda" if on_gpu else "cpu"))
        return
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        rank, size = distributed.get_rank(), distributed.get_world_size()
        place = torch.device("cuda", rank % torch.cuda.device_count()) if on_gpu else torch.device("cpu")
        if on_gpu:
            torch.cuda.set_device(place)
        yield World(rank, size, place)
    finally:
        distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is summed too, since each process's result hangs on all inputs."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batch of all processes. (b, c, h, w) → the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        values = x if x.dtype == torch.float64 else x.float()
        count = _Sum.apply(torch.full((), x.numel() / x.shape[1], dtype=values.dtype, device=x.device))
        mean = _Sum.apply(values.sum((0, 2, 3))) / count
        apart = values - mean[:, None, None]
        variance = _Sum.apply(apart.square().sum((0, 2, 3))) / count
        # What torch leaves out of a batch norm that counts nothing; those of the networks here count.
        assert self.num_batches_tracked is not None and self.running_mean is not None and self.running_var is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum or 0.0)
        gain = self.weight / torch.sqrt(variance + self.eps)
        return (apart * gain[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class WholeBatchDropout(nn.Module):
    """Dropout whose mask is this process's rows of the mask that one process would have drawn. Any (b, ...)."""

    def __init__(self, share: float, world: World, batch: int) -> None:
        super().__init__()
        self.share, self.world, self.batch = share, world, batch

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        whole = torch.ones((self.batch, *x.shape[1:]), dtype=x.dtype, device=x.device)
        return x * nn.functional.dropout(whole, self.share)[self.world.rows(self.batch)]


def spread_over_world(module: nn.Module, world: World, batch: int) -> None:
    """Makes batch norms and dropouts of a network those of the whole batch; names and values of its state stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            whole = WholeBatchNorm(child.num_features, child.eps, child.momentum).to(child.weight)
            whole.load_state_dict(child.state_dict())
            setattr(module, name, whole)
        elif isinstance(child, nn.Dropout):
            setattr(module, name, WholeBatchDropout(child.p, world, batch))
        else:
            spread_over_world(child, world, batch)


def sum_gradients(module: nn.Module, world: World) -> None:
    """Gives every process the gradient of the whole batch, in one message."""
    if world.size == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = world.summed(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
