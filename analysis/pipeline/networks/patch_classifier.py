"""What every patch classifier is to the pipeline: features of a patch, and a head on them."""

from torch import Tensor, nn


class PatchClassifier(nn.Module):
    """Two logits (other, mitosis) of a patch: float (b, 3, px, px), RGB normalised by the card's mean and std → (b, 2).

    A subclass has `head`, float32 (b, f) → (b, 2), which always runs in float32: two bfloat16 logits would leave a
    margin of few distinct values.
    """

    head: nn.Module

    def pool_features(self, x: Tensor) -> Tensor:
        """What the head sees: float (b, 3, px, px) → (b, f); in bfloat16 where that is faster."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool_features(x))
