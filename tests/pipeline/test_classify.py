from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.pipeline import classify
from analysis.pipeline.classify import Scorer
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.patches import cut_patches, to_network

PATCHES = np.random.default_rng(0).integers(0, 255, (37, 100, 100, 3)).astype(np.uint8)


def test_a_patch_scores_the_same_whatever_else_is_in_its_batch(model):
    scorer = Scorer(model.network, model.card, "cpu")
    together = scorer.margins(PATCHES)
    assert np.array_equal(scorer.margins(PATCHES[30:31]), together[30:31])
    assert np.array_equal(scorer.margins(PATCHES[::-1])[::-1], together)


def test_margins_are_the_networks_own_up_to_the_number_format(model):
    scorer = Scorer(model.network, model.card, "cpu")
    with torch.inference_mode():
        logits = model.network(to_network(PATCHES[:4], model.card.mean, model.card.std))
    assert np.allclose(scorer.margins(PATCHES[:4]), (logits[:, 1] - logits[:, 0]).numpy(), atol=0.05)


def test_no_patches_have_no_margins(model):
    assert Scorer(model.network, model.card, "cpu").margins(PATCHES[:0]).shape == (0,)


def test_two_test_runs_on_two_cores_take_one_each():
    assert torch.get_num_threads() == 1


def test_the_device_is_named_for_the_record(model):
    assert Scorer(model.network, model.card, "cpu").name.startswith("CPU, ")


def test_bfloat16_is_used_only_where_the_processor_computes_in_it(monkeypatch):
    monkeypatch.setattr(classify, "cpu_has_bfloat16", lambda: False)
    classify.faster_dtype.cache_clear()
    assert classify.faster_dtype() is torch.float32
    classify.faster_dtype.cache_clear()


def test_a_device_that_is_not_there_is_refused_in_words(model):
    with pytest.raises(PipelineRefused, match=r"no device tpu; .*cpu:float32, .*cpu:openvino-FORMAT"):
        Scorer(model.network, model.card, "tpu")
    with pytest.raises(PipelineRefused, match="cuda:99 is not there"):
        Scorer(model.network, model.card, "cuda:99")


def test_temperature_and_bias_turn_margins_into_probabilities(model):
    card = replace(model.card, temperature=2.0, bias=-1.0)
    assert card.calibration(np.array([2.0, 0.0], np.float32)) == pytest.approx([0.5, 1 / (1 + np.e)])


def test_a_patch_at_the_corner_is_mirrored_beyond_the_image():
    image = np.random.default_rng(1).integers(0, 255, (120, 150, 3)).astype(np.uint8)
    [patch] = cut_patches(image, np.array([(0.0, 0.0)]), 100)
    assert np.array_equal(patch[50:, 50:], image[:50, :50])
    assert np.array_equal(patch[49, 50:], image[1, :50])


def test_a_patch_within_the_image_is_a_plain_cut():
    image = np.random.default_rng(1).integers(0, 255, (120, 150, 3)).astype(np.uint8)
    [patch] = cut_patches(image, np.array([(75.0, 60.0)]), 100)
    assert np.array_equal(patch, image[10:110, 25:125])


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_the_number_format_may_be_named(model, kind):
    assert Scorer(model.network, model.card, f"cpu:{kind}").name.endswith(f", {kind}")
