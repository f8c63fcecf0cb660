"""Networks that draw boxes, from torchvision with random weights: RetinaNet, and SMDetector's Faster R-CNN.

RetinaNet is Lin et al. 2017 as torchvision's second version has it. SMDetector (Khan et al. 2023, doi
10.1016/j.bspc.2022.104414) is a Faster R-CNN in two stages whose ResNet-101 is dilated, so that small objects do not
vanish in its deep layers, and whose proposals are made for small objects. Its paper prints neither which layers are
dilated nor the anchors: here the last stage is dilated in place of its stride, and anchors lie about a nucleus's size.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet101
from torchvision.models.detection import FasterRCNN, retinanet_resnet50_fpn_v2
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from analysis.pipeline.networks.image_detector import LEAST_SCORE, ImageDetector, boxes_about, places_of_boxes

MITOSIS_LABEL, CLASSES_AND_NONE = 1, 2
# Images come at the model's pixel size and normalised, so torchvision's own scaling is switched off.
AS_GIVEN: dict[str, Any] = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3, "_skip_resize": True}
# Boxes are drawn all of one size, so two that share a fifth are nearer than two mitoses lie.
OVERLAP, MOST_PER_IMAGE = 0.2, 500
# What the second stage looks at, in an image of some 0.1 mm².
MOST_PROPOSALS = 300
SMALL_ANCHORS_PX = ((16,), (32,), (48,), (64,), (96,))


class BoxDetector(ImageDetector):
    """A detector of torchvision: the middle of a box is the place, and its score the probability."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        [found] = self.net(list(x))
        wanted = found["labels"] == MITOSIS_LABEL
        return places_of_boxes(found["boxes"][wanted], found["scores"][wanted])

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        losses = self.net(list(x), [self.targets_of(image, places) for image, places in zip(x, mitoses, strict=True)])
        return torch.stack(list(losses.values())).sum()

    def targets_of(self, image: Tensor, mitoses: Tensor) -> dict[str, Tensor]:
        """What torchvision is told of an image (3, h, w) with mitoses (n, 2)."""
        labels = torch.full((len(mitoses),), MITOSIS_LABEL, device=image.device)
        return {"boxes": boxes_about(mitoses), "labels": labels}


def make_retinanet() -> BoxDetector:
    """RetinaNet with ResNet-50."""
    return BoxDetector(
        retinanet_resnet50_fpn_v2(
            weights=None,
            weights_backbone=None,
            num_classes=CLASSES_AND_NONE,
            score_thresh=LEAST_SCORE,
            nms_thresh=OVERLAP,
            detections_per_img=MOST_PER_IMAGE,
            **AS_GIVEN,
        )
    )


def make_smdetector() -> BoxDetector:
    """Faster R-CNN with a dilated ResNet-101."""
    body = resnet101(weights=None, replace_stride_with_dilation=[False, False, True])
    layers = {f"layer{stage}": str(stage - 1) for stage in (1, 2, 3, 4)}
    backbone = BackboneWithFPN(body, layers, [256, 512, 1024, 2048], 256, LastLevelMaxPool())
    anchors = AnchorGenerator(SMALL_ANCHORS_PX, ((0.5, 1.0, 2.0),) * len(SMALL_ANCHORS_PX))
    return BoxDetector(FasterRCNN(backbone, CLASSES_AND_NONE, rpn_anchor_generator=anchors, **settings_of_boxes()))


def settings_of_boxes(most: int = MOST_PROPOSALS) -> dict[str, Any]:
    """How torchvision's R-CNNs are used, with at most so many boxes in an image."""
    limits = {"box_score_thresh": LEAST_SCORE, "box_nms_thresh": OVERLAP, "box_detections_per_img": most}
    proposals = {f"rpn_post_nms_top_n_{mode}": MOST_PROPOSALS for mode in ("train", "test")}
    return limits | proposals | AS_GIVEN
