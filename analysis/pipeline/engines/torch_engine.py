"""A model's networks run by torch."""

import numpy as np
import torch

from analysis.pipeline.cards.store import Model
from analysis.pipeline.classify import Scorer
from analysis.pipeline.networks.image_detector import ImageDetector
from analysis.pipeline.proposers.first_stage import logit_map
from analysis.pipeline.proposers.whole_image import FindPlaces


class TorchEngine:
    """device: as `classify.Scorer` takes it; threads: of a CPU, 0 for what torch has."""

    def __init__(self, model: Model, device: str = "auto", threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._scorer, self._card = Scorer(model.network, model.card, device), model.card
        self.name, self.batch, self.score = self._scorer.name, self._scorer.batch, self._scorer.score
        self.find_places: FindPlaces | None = (
            self._scorer.find_places if isinstance(model.network, ImageDetector) else None
        )
        self._finder = None if model.finder is None else model.finder.to(self._scorer.device)

    def map_logits(self, half: np.ndarray) -> np.ndarray:
        """The finder's logits of an image at 0.5 µm/px: uint8 (h, w, 3) → float32 (ceil(h/4), ceil(w/4))."""
        assert self._finder is not None  # a detector asks the finder of models that have one
        return logit_map(self._finder, half, self._card.mean, self._card.std, self._scorer.dtype)
