"""What a machine can do to a training, as sentences: no memory, no space, a GPU that is gone."""

import errno

import torch

from analysis.lab.errors import CheckpointRefused, TrainingRefused
from analysis.lab.train.checkpoint import NO_SPACE

# What torch's own messages hold, which have no class of their own on every device.
MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
GPU_WORDS = ("cuda error", "cuda driver", "cudnn_status", "cublas_status", "no cuda gpus", "device-side", "nccl")


def is_want_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was short, the GPU's or the machine's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in MEMORY_WORDS)


def is_lost_gpu(error: BaseException) -> bool:
    """Whether an error says that the GPU failed, whatever it was doing."""
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in GPU_WORDS)


def refusal_of(error: BaseException, step: int, kept_step: int) -> Exception | None:
    """The sentence for an error that ended a training at `step`, whose checkpoint is of `kept_step`; None where it is
    no error of the machine's.
    """
    kept = f"the checkpoint of step {kept_step} is kept" if kept_step else "it had no checkpoint yet"
    if is_want_of_memory(error):
        return TrainingRefused(
            f"There was not enough memory at step {step}, even for half a batch; {kept}. "
            "Give the machine more, or take a recipe with a smaller batch."
        )
    if is_lost_gpu(error):
        return TrainingRefused(
            f"The GPU failed at step {step}; {kept}. Started again, the run goes on from there, on the CPU "
            "where the GPU does not come back."
        )
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return CheckpointRefused(f"There is no space for the run's files at step {step}; {kept}. Make room and go on.")
    return None
