import pytest
import torch

from analysis.pipeline.networks import find_network
from analysis.pipeline.networks.hybrid import HybridNet, StridedDepthwise
from tests.pipeline.makers import random_network


@pytest.mark.parametrize("activation", ["relu6", "silu"])
def test_the_network_has_the_papers_number_of_parameters(activation):
    assert sum(p.numel() for p in HybridNet(activation).parameters()) == find_network("hybrid").parameters == 3_075_348


def test_each_block_has_the_parameters_of_the_method_table():
    blocks = [sum(p.numel() for p in block.parameters()) for block in HybridNet().blocks]
    assert blocks == [928, 1448, 16714, 52608, 230144, 312064, 295424, 919040, 1180672]


def test_a_patch_becomes_two_logits_through_a_seven_by_seven_map():
    network, patch = random_network(), torch.zeros(2, 3, 100, 100)
    with torch.inference_mode():
        assert network.blocks(patch).shape == (2, 256, 7, 7)
        assert network(patch).shape == (2, 2)


def test_the_target_layer_is_block_eight_as_cards_name_it():
    network = HybridNet()
    assert network.get_submodule(find_network("hybrid").target_layer) is network.blocks[8]


def test_the_strided_depthwise_convolution_is_trained_in_float32_and_used_as_it_is_asked():
    torch.manual_seed(0)
    conv, x = StridedDepthwise(4, 4, 3, 2, 1, groups=4, bias=False), torch.randn(1, 4, 9, 9).bfloat16()
    exact = torch.nn.functional.conv2d(x.float(), conv.weight, stride=2, padding=1, groups=4)
    with torch.autocast("cpu", torch.bfloat16):
        trained, used = conv.train()(x), conv.eval()(x)
    assert torch.equal(trained, exact.bfloat16())
    assert used.dtype == trained.dtype == torch.bfloat16
    assert torch.allclose(used.float(), exact, atol=0.02)
