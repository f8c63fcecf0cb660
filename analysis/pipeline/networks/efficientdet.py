"""EfficientDet-D4 (Tan et al. 2020) from effdet with random weights; anchors for images of any size."""

import torch
from effdet import EfficientDet, get_efficientdet_config
from effdet.anchors import AnchorLabeler, Anchors, decode_box_outputs
from effdet.efficientdet import Interpolate2d
from effdet.loss import DetectionLoss
from torch import Tensor
from torchvision.ops import nms

from analysis.pipeline.networks.image_detector import (
    LEAST_SCORE,
    ImageDetector,
    boxes_about,
    pad_to_multiple,
    places_of_boxes,
)

NAME = "tf_efficientdet_d4"
OVERLAP, MOST_PER_IMAGE = 0.2, 500


class EfficientDetD4(ImageDetector):
    """One class, mitosis. Sides are filled up to multiples of its coarsest cell, 128 px."""

    def __init__(self) -> None:
        super().__init__()
        config = get_efficientdet_config(NAME)
        self.net = EfficientDet(config, pretrained_backbone=False)
        self.net.reset_head(num_classes=1)
        self.config = self.net.config
        self.cell_px = 2**self.config.max_level
        # effdet fixes the maps' sizes for one size of images; with sides of whole coarse cells each is twice the next.
        for module in self.net.modules():
            if isinstance(module, Interpolate2d):
                module.size, module.scale_factor = None, 2.0

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = pad_to_multiple(x, self.cell_px)
        logits, deltas = self.net(x)
        scores = _join_levels(logits, 1)[:, 0].float().sigmoid()
        best = scores.topk(min(10 * MOST_PER_IMAGE, len(scores))).indices
        best = best[scores[best] >= LEAST_SCORE]
        chosen = _join_levels(deltas, 4)[best].float()
        boxes = decode_box_outputs(chosen, self._anchors(x).boxes[best], output_xyxy=True)
        kept = nms(boxes, scores[best], OVERLAP)[:MOST_PER_IMAGE]
        return places_of_boxes(boxes[kept], scores[best][kept])

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        x = pad_to_multiple(x, self.cell_px)
        labeler = AnchorLabeler(self._anchors(x), self.config.num_classes, match_threshold=0.5)
        # effdet has y before x, and counts classes from one.
        boxes = [boxes_about(places)[:, [1, 0, 3, 2]] for places in mitoses]
        targets = labeler.batch_label_anchors(boxes, [torch.ones(len(own), device=x.device) for own in boxes])
        total, _, _ = DetectionLoss(self.config)(*self.net(x), *targets)
        return total

    def _anchors(self, x: Tensor) -> Anchors:
        c = self.config
        size = (x.shape[2], x.shape[3])
        return Anchors(c.min_level, c.max_level, c.num_scales, c.aspect_ratios, c.anchor_scale, size).to(x.device)


def _join_levels(levels: list[Tensor], numbers: int) -> Tensor:
    """Maps (1, anchors * numbers, h, w) of all levels in the order of effdet's anchors: (n, numbers)."""
    return torch.cat([level.permute(0, 2, 3, 1).reshape(-1, numbers) for level in levels])
