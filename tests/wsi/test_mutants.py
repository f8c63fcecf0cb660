"""Spoilt copies of slide files, opened in limited children: every one ends as a slide or as a sentence, in time."""

import random
from pathlib import Path

import pytest

from slides.wsi.errors import CutShort, DecoderDied, SlideRefused
from slides.wsi.pool import Child, start_child
from tests.wsi import makers, makers_parts

TIMEOUT_S = 20.0
COUNT = 45  # the first whose zeroed block keeps the decoder of JPEG-LS busy for seconds is the forty-seventh
MAKERS = {
    "svs": makers.svs,
    "tiff": makers.tiff_jpeg,
    "ndpi": makers.ndpi,
    "scn": makers.scn,
    "dcm": makers.dicom_jpegls,
    "ome.tif": makers_parts.ome_sub_levels,
}


def mutant(data: bytes, number: int) -> bytes:
    """One of: some bytes changed near a directory or anywhere, a block zeroed, cut off, a part twice."""
    chance = random.Random(number)
    spoilt = bytearray(data)
    kind = chance.randrange(5)
    if kind == 0:
        del spoilt[chance.randrange(1, len(spoilt)) :]
    elif kind == 1:
        start = chance.randrange(len(spoilt))
        spoilt[start : start + chance.randrange(1, 200)] = bytes(chance.randrange(1, 200))
    elif kind == 2:
        start = chance.randrange(len(spoilt))
        spoilt[start:start] = spoilt[start : start + chance.randrange(1, 500)]
    else:
        region = (0, min(600, len(spoilt))) if kind == 3 else _directories(spoilt)
        for _ in range(chance.randrange(1, 8)):
            spoilt[chance.randrange(*region)] = chance.randrange(256)
    return bytes(spoilt)


def judge(child: Child, path: Path, timeout_s: float = TIMEOUT_S) -> str:
    """ "slide", "refused" or "died"; a mutant may end the child, and nothing else."""
    try:
        child.ask([path], {"op": "check", "suffix": path.suffix, "timeout_s": timeout_s}, timeout_s)
    except SlideRefused as refusal:
        assert refusal.reason.endswith(".")
        return "refused"
    except DecoderDied as death:
        assert death.cause
        return "died"
    return "slide"


def run_mutants(folder: Path, name: str, count: int) -> dict[str, int]:
    original = MAKERS[name](folder)
    data = original.read_bytes()
    (folder / "spoilt").mkdir()
    ends = {"slide": 0, "refused": 0, "died": 0}
    child = start_child(2048)
    for number in range(count):
        path = folder / "spoilt" / f"mutant.{name}"
        path.write_bytes(mutant(data, number))
        try:
            end = judge(child, path)
        except CutShort:  # a busy machine gave it no time, so it is asked again, as the product does
            child = start_child(2048)
            end = judge(child, path, 10 * TIMEOUT_S)
        ends[end] += 1
        if not child.alive():
            child.kill()
            child = start_child(2048)
    assert judge(child, original) == "slide"
    child.kill()
    return ends


@pytest.mark.parametrize("name", MAKERS)
def test_mutants_end_as_a_slide_or_a_sentence(name, tmp_path):
    ends = run_mutants(tmp_path, name, COUNT)
    assert ends["refused"] >= 5
    assert ends["died"] <= 2


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MAKERS)
def test_a_thousand_mutants_end_as_a_slide_or_a_sentence(name, tmp_path):
    ends = run_mutants(tmp_path, name, 1000)
    assert ends["refused"] >= 100
    assert ends["died"] <= 20


def _directories(data: bytearray) -> tuple[int, int]:
    """The last tenth, where these files keep their directories, at least 64 bytes."""
    return max(0, len(data) - max(64, len(data) // 10)), len(data)
