"""From labelled figures to heads, through the command."""

import csv
import json

import numpy as np
import pytest

from analysis.commands import cli
from analysis.commands.common import DATA_DEFAULT
from analysis.lab.subtypes.fit import fit_on_features
from analysis.lab.subtypes.labels import MANIFEST, LabelledMitoses
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.subtypes import LENGTH
from analysis.pipeline.subtypes import features as described
from analysis.pipeline.subtypes.features import cached_features, read_features
from analysis.pipeline.subtypes.store import heads_for
from tests.pipeline.makers import planted_tissue, write_model
from tests.pipeline.subtypes.makers import planted


def test_features_do_not_depend_on_how_the_patch_is_turned(model):
    patch = planted_tissue(100, 100, [(50, 50), (30, 62)])
    turned = np.stack([np.rot90(patch, turns) for turns in range(4)])
    found = read_features(model.network, model.card, turned)
    assert found.shape == (4, LENGTH)
    np.testing.assert_allclose(found[1:], np.repeat(found[:1], 3, 0), rtol=1e-3, atol=1e-4)


def test_features_are_computed_once_and_again_where_the_cache_is_broken(model, tmp_path, monkeypatch):
    patches = planted_tissue(100, 100, [(50, 50)])[None]
    first = cached_features(model, patches, tmp_path)
    (kept,) = tmp_path.glob("*.npy")
    monkeypatch.setattr(described, "read_features", lambda *_: pytest.fail("was there already"))
    np.testing.assert_array_equal(cached_features(model, patches, tmp_path), first)
    monkeypatch.undo()
    kept.write_bytes(b"\x93NUMPY")
    np.testing.assert_array_equal(cached_features(model, patches, tmp_path), first)


def test_heads_and_their_figures_are_of_the_figures_with_a_label(model):
    features, subtypes, slides = planted(length=LENGTH)
    features[:, 100:200] += 2 * subtypes[:, None]
    phases = np.where(np.arange(240) % 4 == 0, -1, np.random.default_rng(9).integers(0, 3, 240))
    patches = np.zeros((240, 2, 2, 3), np.uint8)
    heads = fit_on_features(model, features, LabelledMitoses(patches, slides, subtypes, phases), lambda _: None)
    assert heads.network_sha256 == model.sha256
    assert heads.metrics["subtype"]["figures"] == 240
    assert heads.metrics["subtype"]["balanced_accuracy"] > 0.85
    assert heads.metrics["phase"]["figures"] == 180
    assert heads.metrics["phase"]["balanced_accuracy"] < 0.5  # nothing was planted for it
    json.dumps(heads.metrics)


@pytest.mark.needs_data
def test_the_command_fits_heads_on_real_crops_and_shows_what_they_do(tmp_path, capsys):
    network = write_model(tmp_path, "random")
    data = some_real_crops(tmp_path)
    how = ["--data", str(data), "--cache", str(tmp_path), "--out", str(tmp_path / "heads"), "--model", str(network)]
    assert cli.main(["subtypes", "fit", *how]) == 0
    heads = heads_for(load_model(network).sha256, tmp_path / "heads")
    assert heads.metrics["subtype"]["slides"] >= 2
    assert heads.training["figures"] == heads.metrics["subtype"]["figures"]
    assert "balanced accuracy" in capsys.readouterr().err
    assert cli.main(["subtypes", "show", "--model", str(network)]) == 1  # not in the shipped heads' folder
    assert "fit them with mitosis subtypes fit" in capsys.readouterr().err


def some_real_crops(folder):
    """Thirty figures of every kind as a data folder of their own; the pictures are links."""
    from pathlib import Path

    data = Path(DATA_DEFAULT)
    with (data / MANIFEST).open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds: dict[tuple, list] = {}
    for row in rows:
        kinds.setdefault((row["subtype"], row["phase_expert1"]), []).append(row)
    chosen = [row for same in kinds.values() for row in same[:: max(1, len(same) // 4)][:4]]
    target = folder / MANIFEST
    target.parent.mkdir()
    (target.parent / "patches").symlink_to(data / MANIFEST.parent / "patches")
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(chosen)
    return folder
