"""The MAX detector (CODAIT's deep-histopath, Dusenberry and Hu 2018): ResNet-50 moved over the image, and clustering.

A ResNet-50 whose first convolution has stride 1 scores windows of 64 px by one logit; windows whose probability reaches
a threshold are clustered by DBSCAN, and a cluster is a place. Here the network runs over the whole image at once, a
window every 16 px: the same layers, without the zeros about each single window. The paper adds a mean over disturbed
copies of each window, which costs many times as much, and a small network of its own; both are left out.
"""

import torch
from scipy.special import logit
from sklearn.cluster import DBSCAN
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet50

from analysis.pipeline.networks.image_detector import ImageDetector, pad_to_multiple, patches_to_learn

PATCH_PX, STRIDE_PX = 64, 16
CLUSTER_FROM, CLUSTER_REACH_PX, CLUSTER_LEAST = 0.5, 24.0, 1


class SlidingResNet(ImageDetector):
    """One logit for each window, and places from clusters of those that are likely."""

    def __init__(self) -> None:
        super().__init__()
        self.net = resnet50(weights=None, num_classes=1)
        self.net.conv1.stride = (1, 1)

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        margins = self.map_margins(x)
        rows, columns = torch.nonzero(margins >= float(logit(CLUSTER_FROM)), as_tuple=True)
        margins, cells_px = margins[rows, columns], torch.stack([columns, rows], dim=1).float() * STRIDE_PX
        if not len(margins):
            return cells_px, margins
        clusters = DBSCAN(eps=CLUSTER_REACH_PX, min_samples=CLUSTER_LEAST).fit_predict(cells_px.cpu().numpy())
        which = torch.from_numpy(clusters).to(x.device)
        members = [which == cluster for cluster in range(int(which.max()) + 1)]
        middles = torch.stack([cells_px[own].mean(dim=0) for own in members])
        return middles, torch.stack([margins[own].max() for own in members])

    def map_margins(self, x: Tensor) -> Tensor:
        """Logits of the windows about every sixteenth pixel of an image (1, 3, h, w): (rows, columns)."""
        half = PATCH_PX // 2
        maps = self._layers(functional.pad(pad_to_multiple(x, STRIDE_PX), (half,) * 4, mode="replicate"))
        pooled = functional.avg_pool2d(maps, PATCH_PX // STRIDE_PX, stride=1)
        head = self.net.fc
        return functional.conv2d(pooled, head.weight[:, :, None, None], head.bias)[0, 0].float()

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        windows, labels = patches_to_learn(x, mitoses, others, PATCH_PX)
        return functional.binary_cross_entropy_with_logits(self.net(windows)[:, 0].float(), labels)

    def _layers(self, x: Tensor) -> Tensor:
        """All but the pooling and the head: (b, 3, h, w) → (b, 2048, h/16, w/16)."""
        return nn.Sequential(*list(self.net.children())[:-2])(x)
