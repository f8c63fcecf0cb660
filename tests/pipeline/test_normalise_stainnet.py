"""StainNet: what is taught is learned, and a profile is what its card says."""

import json

import numpy as np
import pytest

from analysis.pipeline.cards.card import NORMALISERS
from analysis.pipeline.errors import NormaliserFailed, PipelineRefused
from analysis.pipeline.normalise import Macenko, StainNet, normaliser_names, teaching
from analysis.pipeline.normalise.colournet import PARAMETERS, ColourNet, table_of, train_net
from analysis.pipeline.normalise.profiles import PROFILES, profile_names, read_profile, write_profile
from analysis.pipeline.normalise.teaching import Quality, teach_net
from tests.pipeline.stains import stained

GOOD = Quality(error=1.0, white_shift=1.0, clipped=0.001, monotone=True)
COUNTS = {"source": "made", "slides": 1, "images": 1, "pixels": 14400}


@pytest.fixture(scope="module")
def taught():
    return teach_net(stained(0.6))


@pytest.fixture
def profile(taught, tmp_path):
    write_profile("made", taught, COUNTS, tmp_path)
    return tmp_path


def test_the_net_has_the_papers_number_of_parameters(taught):
    assert PARAMETERS == 1283
    assert sum(value.size for value in (*taught.net.weights, *taught.net.biases)) == PARAMETERS


def test_the_net_does_as_its_teacher_on_pixels_it_has_not_seen(taught):
    teacher, other = Macenko(), stained(0.6, seed=9)
    teacher.fit(stained(0.6))
    learned = np.clip(taught.net(other.reshape(-1, 3)), 0, 255)
    assert np.abs(learned - teacher.apply(other).reshape(-1, 3)).mean() < 2
    assert taught.teacher == "macenko"
    assert taught.quality.error < 2


def test_where_macenko_fails_reinhard_teaches(monkeypatch):
    def fails(self, tissue):
        raise NormaliserFailed("no two stains")

    monkeypatch.setattr(Macenko, "fit", fails)
    assert teach_net(stained(0.6)).teacher == "reinhard"


def test_glass_tinted_glass_and_black_keep_their_colour(taught):
    kept = np.array([(255, 255, 255), (243, 243, 243), (240, 236, 240), (3, 3, 3)])
    assert np.abs(np.clip(taught.net(kept), 0, 255) - kept).max() < 5


def test_the_table_of_all_colours_says_what_the_net_says(taught):
    colours = np.random.default_rng(1).integers(0, 256, (20_000, 3))
    table = table_of(taught.net).view(np.uint8).reshape(256, 256, 256, 4)
    found = table[colours[:, 2], colours[:, 1], colours[:, 0], :3]
    wanted = np.clip(taught.net(colours), 0, 255)
    assert np.abs(found - wanted).mean() < 0.5
    assert np.quantile(np.abs(found - wanted), 0.999) < 1.5


def test_training_depends_on_the_sample_and_the_seed_alone():
    pixels = stained(0.6, 40).reshape(-1, 3)
    one, same, other = (train_net(pixels, pixels, seed, steps=50) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, same.weights, strict=True))
    assert not np.array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"error": 5.1}, "differs from its teacher by 5.1 levels"),
        ({"white_shift": 9.0}, "shifts white by 9.0 levels"),
        ({"clipped": 0.02}, "clips 2.0% of the tissue"),
        ({"monotone": False}, "makes more stain brighter"),
    ],
)
def test_a_net_that_did_not_learn_well_enough_is_refused_in_words(monkeypatch, fault, words):
    assert not GOOD.faults
    poor = Quality(**GOOD.__dict__ | fault)
    monkeypatch.setattr(teaching, "train_net", lambda *_: _identity())
    monkeypatch.setattr(teaching, "quality_of", lambda *_: poor)
    with pytest.raises(NormaliserFailed, match=words):
        teach_net(stained(0.6))


def test_quality_is_measured_on_the_net_and_not_believed():
    pixels = stained(0.6).reshape(-1, 3)
    fine = teaching.quality_of(_identity(), pixels, pixels)
    assert (round(fine.error, 3), round(fine.white_shift, 3), fine.clipped, fine.monotone) == (0, 0, 0, True)
    inverted = teaching.quality_of(_identity(-1), pixels, pixels)
    assert inverted.white_shift > 200
    assert not inverted.monotone
    assert teaching.quality_of(_identity(3), pixels, pixels).clipped > 0.1


def test_a_profile_is_read_as_it_was_written(profile, taught):
    net, card = read_profile("made", profile)
    assert all(np.array_equal(a, b) for a, b in zip(net.weights, taught.net.weights, strict=True))
    assert (card.slides, card.pixels, card.quality, card.parameters) == (1, 14400, taught.quality, PARAMETERS)
    restored, fresh = StainNet.from_profile("made", profile), StainNet()
    fresh.fit(stained(0.6))
    assert np.array_equal(restored.apply(stained(0.6)), fresh.apply(stained(0.6)))


def test_a_profile_is_not_changed_by_the_slide_it_is_used_on(profile):
    normaliser = StainNet.from_profile("made", profile)
    before = normaliser.apply(stained(1.0))
    normaliser.fit(stained(1.0))
    assert np.array_equal(normaliser.apply(stained(1.0)), before)


def test_weights_that_are_not_their_cards_are_refused(profile):
    weights = profile / "made.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(PipelineRefused, match="not those of its card"):
        read_profile("made", profile)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\0" * 70_000])
def test_a_broken_or_missing_weights_file_is_refused(profile, content):
    (profile / "made.safetensors").write_bytes(content)
    with pytest.raises(PipelineRefused, match="cannot be read|larger"):
        read_profile("made", profile)
    (profile / "made.safetensors").unlink()
    with pytest.raises(PipelineRefused, match="cannot be read"):
        read_profile("made", profile)


@pytest.mark.parametrize("card", [b"{", b"[]", b'{"name": "made"}'])
def test_a_broken_card_is_refused(profile, card):
    (profile / "made.json").write_bytes(card)
    with pytest.raises(PipelineRefused, match="cannot be read"):
        read_profile("made", profile)


@pytest.mark.parametrize("name", ["", "A", "a b", "../up", "far-too-long-a-name", "-a"])
def test_a_name_that_is_none_is_refused(taught, tmp_path, name):
    with pytest.raises(PipelineRefused, match="cannot be called"):
        write_profile(name, taught, COUNTS, tmp_path)


def test_every_profile_shipped_is_good_and_fits_a_results_record():
    assert len(profile_names()) >= 4
    for name in profile_names():
        net, card = read_profile(name)
        assert np.abs(np.clip(net(np.array([(255, 255, 255), (243, 243, 243)])), 0, 255) - [[255], [243]]).max() < 5
        assert card.name == name
        assert not card.quality.faults
        assert card.parameters == PARAMETERS
        assert "H05" not in json.dumps(json.loads((PROFILES / f"{name}.json").read_text()))
        assert (PROFILES / f"{name}.safetensors").stat().st_size < 10_000
    assert set(NORMALISERS) == set(normaliser_names())
    assert max(map(len, NORMALISERS)) <= 20


def _identity(gain: float = 1.0) -> ColourNet:
    """A net that multiplies what it is given, in [-1, 1], by `gain`."""
    first, second, last = np.zeros((32, 3), np.float32), np.eye(32, dtype=np.float32), np.zeros((3, 32), np.float32)
    first[:3] = last[:, :3] = np.eye(3)
    last *= gain
    # Lifted above zero by one, so that the layers between let everything through.
    start = np.zeros(32, np.float32)
    start[:3] = 1
    end = np.full(3, -gain, np.float32)
    return ColourNet((first, second, last), (start, np.zeros(32, np.float32), end))
