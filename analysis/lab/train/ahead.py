"""Batches drawn in threads while a GPU works on the one before: drawing is slower than it.

A batch depends on (seed, step) and the hardness alone, so it does not matter when it is drawn, as long as no batch is
drawn before the mining that it comes after.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from analysis.lab.train.config import TrainConfig
from analysis.lab.train.sampling import Batch, BatchSampler


class BatchesAhead:
    """The batches of a run. Without threads each is drawn when it is asked for."""

    def __init__(self, sampler: BatchSampler, config: TrainConfig, threads: int = 0) -> None:
        self.sampler, self.config, self.threads = sampler, config, threads
        self._pool = ThreadPoolExecutor(threads) if threads else None
        self._drawn: dict[int, Future[Batch]] = {}

    def batch(self, step: int) -> Batch:
        """The windows and targets of a step, as the sampler gives them."""
        if self._pool is None:
            return self._draw_batch(step)
        # The first step whose batch hangs on a mining that is still to come.
        unknown_from = min((at for at in self.config.mine_at if at > step), default=self.config.steps)
        for later in range(step, min(step + 2 * self.threads, unknown_from)):
            if later not in self._drawn:
                self._drawn[later] = self._pool.submit(self._draw_batch, later)
        return self._drawn.pop(step).result()

    def close(self) -> None:
        """Lets go of what was drawn and not used."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _draw_batch(self, step: int) -> Batch:
        return self.sampler.batch(step, self.config.batch, self.config.px_at(step))
