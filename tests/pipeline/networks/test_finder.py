import numpy as np
import pytest
import torch

from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.proposers.finder import finder_places
from analysis.pipeline.proposers.finder_geometry import REACH_PX, STRIDE_PX
from analysis.pipeline.proposers.first_stage import logit_map
from tests.pipeline.makers import planted_tissue, random_finder


def test_it_is_small():
    assert sum(parameter.numel() for parameter in FinderNet().parameters()) == 130_209


def test_a_cell_sees_no_farther_than_the_stated_reach():
    network = random_finder()
    x = torch.randn(1, 3, 256, 256, requires_grad=True)
    network(x)[0, 32, 32].backward()
    rows, columns = np.nonzero(x.grad[0].abs().sum(0).numpy())
    middle = 32 * STRIDE_PX + STRIDE_PX / 2
    assert max(abs(rows + 0.5 - middle).max(), abs(columns + 0.5 - middle).max()) <= REACH_PX


def test_a_piece_with_context_gives_the_map_of_the_whole():
    network, picture = random_finder(), planted_tissue(512, 400, [(200.0, 180.0), (330.0, 240.0)])
    whole = logit_map(network, picture, IMAGENET_MEAN, IMAGENET_STD)
    piece = logit_map(network, picture[80:336, 120:400], IMAGENET_MEAN, IMAGENET_STD)
    inner = REACH_PX // STRIDE_PX
    assert np.allclose(
        piece[inner:-inner, inner:-inner], whole[20 + inner : 84 - inner, 30 + inner : 100 - inner], atol=1e-4
    )


@pytest.mark.parametrize(("height", "width"), [(128, 128), (61, 95)])
def test_any_size_gives_a_cell_for_every_four_pixels_begun(height, width):
    picture = planted_tissue(width, height, [])
    logits = logit_map(random_finder(), picture, IMAGENET_MEAN, IMAGENET_STD)
    assert logits.shape == (-(-height // 4), -(-width // 4))
    assert logits.dtype == np.float32


def test_in_bfloat16_it_names_as_many_places_as_in_float32():
    network, picture = random_finder(3), planted_tissue(512, 400, [(200.0, 180.0), (330.0, 240.0)])
    found = {
        dtype: len(finder_places(picture, logit_map(network, picture, IMAGENET_MEAN, IMAGENET_STD, dtype), -4.1)[0])
        for dtype in (torch.float32, torch.bfloat16)
    }
    assert found[torch.bfloat16] == pytest.approx(found[torch.float32], rel=0.2)
