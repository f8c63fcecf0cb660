"""Rows and files that tests of this app share: model versions with and without a real network, analyses, detections."""

import hashlib
import json
import uuid
from functools import cache
from pathlib import Path

import factory
import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from analysis.models import Analysis, Detection, ModelStanding, ModelVersion
from analysis.services import revisions, runs
from mitoweb.lib.jobs.models import Job
from slides.models import Slide
from tests.factories import SlideFactory, tissue_pixels

NUCLEI_SEED = 4


def card(**values) -> dict:
    """A card as it is stored, for a network made in a test."""
    return {
        "name": "test network",
        "sha256": "0" * 64,
        "architecture": "hybrid",
        "stem_activation": "relu6",
        "parameters": 3_075_348,
        "mpp": 0.25,
        "patch_px": 100,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "normaliser": "none",
        "threshold": 0.5,
        "floor": 0.0,
        "calibration": {"temperature": 1.0, "bias": 0.0},
        "target_layer": "blocks.8",
        "licence": "made in a test",
        "metrics": {},
        "training": {},
        "notes": "",
    } | values


class ModelVersionFactory(DjangoModelFactory):
    """A version in name only: its weights are not on the disk."""

    class Meta:
        model = ModelVersion
        skip_postgeneration_save = True  # a version never changes

    name = factory.Sequence(lambda n: f"model {n}")
    sha256 = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    card = factory.LazyAttribute(lambda model: card(name=model.name, sha256=model.sha256))
    threshold = 0.5
    parameters = 3_075_348
    shipped = True

    @factory.post_generation
    def state(model, create, state, **kwargs):
        """How it stands; usable unless told otherwise."""
        ModelStanding.objects.create(model=model, state=state or "approved", reason="made in a test")


@cache
def network_file(seed: int = 1) -> tuple[Path, dict]:
    """A real network of the product's architecture with random weights, under MODELS_ROOT, and its card.

    Only with NUCLEI_SEED does it tell scores from the slide's own nuclei.
    """
    import torch
    from safetensors.torch import save

    from analysis.pipeline.networks.hybrid import HybridNet

    torch.manual_seed(seed)
    network = HybridNet("relu6")
    calibration = _settle(network)
    content = save(network.state_dict())
    digest = hashlib.sha256(content).hexdigest()
    folder = Path(settings.MODELS_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest}.safetensors"
    path.write_bytes(content)
    standard = {"standard": {"level": 0.0, "worth": 5, "per_tile": 4}} if seed == NUCLEI_SEED else {}
    written = card(name=f"random {seed}", sha256=digest, calibration=calibration, **standard)
    path.with_suffix(".json").write_text(json.dumps(written))
    return path, written


def _settle(network) -> dict:
    """Let the norms see nuclei once, as training would, and spread the probabilities so that few are called."""
    import torch

    from analysis.pipeline.patches import cut_patches, to_network
    from analysis.pipeline.proposers.darkest import dark_spots
    from analysis.pipeline.slide_grid import half_scale

    image = tissue_pixels(800, 800)
    patches = cut_patches(image, 2 * dark_spots(half_scale(image))[0][:32], card()["patch_px"])
    tensor = to_network(patches, card()["mean"], card()["std"])
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0  # the running mean becomes this batch's
        network.train()(tensor)
        logits = network.eval()(tensor)
    margins = logits[:, 1] - logits[:, 0]
    spread = float(margins.std())
    return {"temperature": spread, "bias": -float(margins.mean()) / spread - 1.6}


@cache
def trained_file(seed: int = 1) -> tuple[Path, dict]:
    """The newest version that comes with the program with one number changed, so that it has a hash of its own, under
    MODELS_ROOT, and its card."""
    from safetensors.numpy import load_file, save

    shipped = sorted(Path(settings.SHIPPED_MODELS).glob("*.safetensors"))[-1]
    tensors = load_file(shipped)
    last = max(name for name, tensor in tensors.items() if tensor.shape == (2,))
    tensors[last] = tensors[last] + np.float32(seed * 1e-4)
    content = save(tensors)
    digest = hashlib.sha256(content).hexdigest()
    path = Path(settings.MODELS_ROOT) / f"{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    written = json.loads(shipped.with_suffix(".json").read_text()) | {"name": f"trained {seed}", "sha256": digest}
    path.with_suffix(".json").write_text(json.dumps(written))
    return path, written


def model_with_network(seed: int = 1, **values) -> ModelVersion:
    """A version whose weights are on the disk."""
    written = network_file(seed)[1]
    return ModelVersionFactory(name=written["name"], sha256=written["sha256"], card=written, **values)


def make_analysis(slide: Slide | None = None, state: str = Job.State.DONE, **values) -> Analysis:
    """An analysis started as the product starts it, its job put into a state."""
    slide = slide or SlideFactory()
    model = values.pop("model", None) or ModelVersion.objects.filter(shipped=True).first() or ModelVersionFactory()
    analysis = runs.start_analysis(slide, values.pop("user", None), model=model, **values)
    claim = {"claim": uuid.uuid4(), "lease_until": timezone.now()} if state == Job.State.RUNNING else {}
    Job.objects.filter(pk=analysis.job_id).update(state=state, **claim)
    analysis.job.refresh_from_db()
    return analysis


def add_detection(analysis: Analysis, x_l0: float = 100, y_l0: float = 100, probability: float = 0.9) -> Detection:
    """The next detection of the analysis, in a transaction of its own."""
    with transaction.atomic():
        revision = revisions.take_revision(analysis.pk)
        return Detection.objects.create(
            analysis=analysis,
            number=analysis.detections.count() + 1,
            tile_index=0,
            x_l0=x_l0,
            y_l0=y_l0,
            probability=probability,
            mitosis=probability >= analysis.threshold,
            revision=revision,
        )
