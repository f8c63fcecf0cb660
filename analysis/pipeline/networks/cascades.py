"""Two networks one after the other in one: the first names places in an image, the second scores a patch about each.

MDFS, *Mitosis Detection, Fast and Slow* (Jahanifar et al. 2022, arXiv 2208.12587): a U-Net with an EfficientNet-B0 as
its encoder segments candidates at low resolution, and an EfficientNet-B7 scores them. Its decoder's widths are not
printed; here it is the usual one of segmentation-models-pytorch.

DHE-Mit (Sohail et al. 2021): a Mask R-CNN names candidates, and an ensemble of five small networks with one idea each,
whose answers a perceptron joins, scores them. Their designs are not printed with their sizes: here a network of timm or
torchvision stands for each idea.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.pipeline.networks.image_detector import (
    BOX_PX,
    ImageDetector,
    cut_windows,
    pad_to_multiple,
    patches_to_learn,
    surest,
)

AT_ONCE = 32
# Each of Mask R-CNN's boxes costs a mask; more are not looked at again in an image of 0.1 mm².
MOST_MASKS = 100


class Cascade(ImageDetector):
    """`patch_px` is what the second network sees."""

    patch_px: int

    def propose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first network's places (n, 2) in an image (1, 3, h, w) and its logits (n,)."""
        raise NotImplementedError

    def score(self, windows: Tensor) -> Tensor:
        """The second network's logits (n,) of a mitosis in windows (n, 3, px, px)."""
        raise NotImplementedError

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        places, logits = self.propose(x)
        places = places[surest(logits, *x.shape[-2:])]
        parts = [self.score(cut_windows(x[0], part, self.patch_px)) for part in places.split(AT_ONCE) if len(part)]
        return places, torch.cat([logits.new_zeros(0), *parts]).float()


class FastAndSlow(Cascade):
    """MDFS: U-Net at 1 µm/px, EfficientNet-B7 at 0.25."""

    patch_px = 96
    # From 0.25 to 1 µm/px, and what the U-Net halves five times.
    down, multiple = 4, 4 * 32
    # Of the map: a candidate's probability, and how far a peak has no higher one, in its pixels.
    candidate_from, peak_px = 0.2, 7

    def __init__(self) -> None:
        super().__init__()
        import segmentation_models_pytorch as smp
        from torchvision.models import efficientnet_b7

        self.fast = smp.Unet("efficientnet-b0", encoder_weights=None, classes=1)
        self.slow = efficientnet_b7(weights=None, num_classes=2)
        self.overlap = smp.losses.JaccardLoss("binary", from_logits=True)

    def map_logits(self, x: Tensor) -> Tensor:
        """The first network's map of images (b, 3, h, w): (b, h/4, w/4), rounded up."""
        return self.fast(functional.avg_pool2d(pad_to_multiple(x, self.multiple), self.down))[:, 0].float()

    def propose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[-2:]
        logits = self.map_logits(x)[0, : -(-height // self.down), : -(-width // self.down)]
        highest = functional.max_pool2d(logits[None, None], self.peak_px, 1, self.peak_px // 2)[0, 0]
        rows, columns = torch.nonzero((logits == highest) & (logits.sigmoid() >= self.candidate_from), as_tuple=True)
        return (torch.stack([columns, rows], dim=1) + 0.5) * self.down, logits[rows, columns]

    def score(self, windows: Tensor) -> Tensor:
        logits = self.slow(windows)
        return logits[:, 1] - logits[:, 0]

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        logits = self.map_logits(x)
        marked = torch.stack(
            [discs_about(places / self.down, BOX_PX / 2 / self.down, logits.shape[1:]) for places in mitoses]
        )
        segmented = functional.binary_cross_entropy_with_logits(logits, marked)
        segmented = segmented + self.overlap(logits[:, None], marked[:, None])
        windows, labels = patches_to_learn(x, mitoses, others, self.patch_px)
        return segmented + functional.cross_entropy(self.slow(windows).float(), labels.long())


class MaskedEnsemble(Cascade):
    """DHE-Mit: Mask R-CNN with ResNet-50, then five small networks joined by a perceptron."""

    patch_px = 80

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.detection import maskrcnn_resnet50_fpn

        from analysis.pipeline.networks.box_detectors import CLASSES_AND_NONE, BoxDetector, settings_of_boxes

        mask = maskrcnn_resnet50_fpn(
            weights=None, weights_backbone=None, num_classes=CLASSES_AND_NONE, **settings_of_boxes(MOST_MASKS)
        )
        self.first, self.members = BoxDetector(mask), _five_ideas()
        self.joined = nn.Sequential(nn.Linear(2 * len(self.members), 16), nn.ReLU(), nn.Linear(16, 2))

    def propose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.first.find_places(x)

    def score(self, windows: Tensor) -> Tensor:
        logits = self.joined(torch.cat([member(windows) for member in self.members], dim=1))
        return logits[:, 1] - logits[:, 0]

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        targets = [
            self.first.targets_of(image, places) | {"masks": _masks_of(image, places)}
            for image, places in zip(x, mitoses, strict=True)
        ]
        found = torch.stack(list(self.first.net(list(x), targets).values())).sum()
        windows, labels = patches_to_learn(x, mitoses, others, self.patch_px)
        answers = [member(windows).float() for member in self.members]
        # The perceptron learns from what the five say and does not change them.
        joined = self.joined(torch.cat(answers, dim=1).detach())
        return found + torch.stack([functional.cross_entropy(a, labels.long()) for a in (*answers, joined)]).sum()


def _five_ideas() -> nn.ModuleList:
    """Small networks of two logits, one for each idea that the paper lists."""
    import timm
    from torchvision.models import shufflenet_v2_x1_0, squeezenet1_1

    return nn.ModuleList(
        [
            # Regions pooled by their maximum; split, transformed and merged asymmetrically; dilated; attention to
            # places and channels; residual.
            squeezenet1_1(weights=None, num_classes=2),
            shufflenet_v2_x1_0(weights=None, num_classes=2),
            timm.create_model("mobilenetv2_050", pretrained=False, num_classes=2, output_stride=8),
            timm.create_model("resnet10t", pretrained=False, num_classes=2, block_args={"attn_layer": "cbam"}),
            timm.create_model("resnet10t", pretrained=False, num_classes=2),
        ]
    )


def discs_about(places: Tensor, radius_px: float, size: torch.Size) -> Tensor:
    """A map (h, w) that is 1 within a radius of any of places (n, 2), else 0."""
    height, width = size
    ys = torch.arange(height, device=places.device)[:, None] + 0.5
    xs = torch.arange(width, device=places.device)[None] + 0.5
    found = torch.zeros((height, width), device=places.device)
    for x, y in places:
        found[(xs - x) ** 2 + (ys - y) ** 2 <= radius_px**2] = 1
    return found


def _masks_of(image: Tensor, mitoses: Tensor) -> Tensor:
    """A disc for each mitosis, since labels are points: uint8 (n, h, w) for an image (3, h, w)."""
    each = [discs_about(place[None], BOX_PX / 2, image.shape[1:]) for place in mitoses]
    return torch.stack(each).byte() if each else image.new_zeros((0, *image.shape[1:]), dtype=torch.uint8)
