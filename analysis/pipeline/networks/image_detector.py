"""What every network is to the pipeline that finds mitoses in an image by itself, with no finder before it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

# The box that the MIDOG challenges draw about a mitosis, at 0.25 µm/px.
BOX_PX = 50
# So many places per mm² at most are looked at a second time by a cascade; as many as the darkest nuclei (`proposers`).
SECOND_LOOKS_PER_MM2 = 1000
MM2_PER_PX = 0.25**2 * 1e-6
# A lower score than this is nowhere called a mitosis, whatever the threshold.
LEAST_SCORE = 0.005


class ImageDetector(nn.Module):
    """Places in an image, and how sure each is a mitosis.

    Images are float (b, 3, h, w) at 0.25 µm/px, RGB normalised by the card's mean and std. Places are float (n, 2) x, y
    in pixels of the image, pixel centres at whole numbers + 0.5.
    """

    def find_places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of one image (1, 3, h, w): places (n, 2) and their margins float32 (n,), logits of a mitosis."""
        raise NotImplementedError

    def loss(self, x: Tensor, mitoses: list[Tensor], others: list[Tensor]) -> Tensor:
        """Scalar to train by: for each image of a batch the places (n, 2) of its mitoses, and of nuclei that are
        none.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.find_places(x)


def boxes_about(places: Tensor, px: float = BOX_PX) -> Tensor:
    """Squares about places (n, 2): (n, 4) of x0, y0, x1, y1."""
    return torch.cat([places - px / 2, places + px / 2], dim=1)


def places_of_boxes(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The middles of boxes (n, 4) and the logits of their scores (n,) from 0 to 1."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2, torch.logit(scores.float(), eps=1e-6)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """An image (b, c, h, w) with its last row and column repeated, until both sides are multiples of a number."""
    height, width = x.shape[-2:]
    return functional.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def cut_windows(x: Tensor, places: Tensor, px: int) -> Tensor:
    """Windows of one image (3, h, w) centred on places (n, 2), its border repeated beyond it: (n, 3, px, px)."""
    half = px // 2
    around = functional.pad(x[None], (half, half, half, half), mode="replicate")[0]
    corners = places.floor().long().clamp(min=0)
    corners = torch.minimum(corners, torch.tensor([x.shape[2], x.shape[1]], device=x.device))
    windows = [around[:, y : y + px, left : left + px] for left, y in corners.tolist()]
    return torch.stack(windows) if windows else x.new_zeros((0, 3, px, px))


def surest(margins: Tensor, height: int, width: int) -> Tensor:
    """Indices of those that a cascade looks at again: the surest ones of an image of so many pixels."""
    at_most = 1 + round(height * width * MM2_PER_PX * SECOND_LOOKS_PER_MM2)
    return margins.topk(min(at_most, len(margins))).indices


def patches_to_learn(
    x: Tensor, mitoses: list[Tensor], others: list[Tensor], px: int, others_each: int = 4
) -> tuple[Tensor, Tensor]:
    """Windows for the part of a network that scores a patch: all mitoses of a batch, and of each image some of the
    other nuclei, filled up with random places that lie on no mitosis: (n, 3, px, px) and labels float (n,).
    """
    windows, labels = [], []
    for image, marked, rest in zip(x, mitoses, others, strict=True):
        scattered = torch.rand((4 * others_each, 2), device=x.device) * torch.tensor(
            [image.shape[2], image.shape[1]], device=x.device
        )
        if len(marked):
            scattered = scattered[torch.cdist(scattered, marked).amin(dim=1) > BOX_PX / 2]
        drawn = rest[torch.randperm(len(rest), device=x.device)]
        places = torch.cat([drawn, scattered])[:others_each]
        windows += [cut_windows(image, marked, px), cut_windows(image, places, px)]
        labels += [torch.ones(len(marked), device=x.device), torch.zeros(len(places), device=x.device)]
    return torch.cat(windows), torch.cat(labels)
