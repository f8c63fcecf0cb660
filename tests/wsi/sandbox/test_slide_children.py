"""Decoders that many slides share: each slide is read where no other one is seen, and its end is told to who asked."""

import signal
import subprocess
import sys

import psutil
import pytest

from slides.wsi.errors import CutShort, DecoderDied
from slides.wsi.pool import DecoderPool
from slides.wsi.sandbox import landlock, slide_children
from slides.wsi.sandbox.limits import ENVIRONMENT, PROJECT_ROOT

if not landlock.version():
    pytest.skip("This machine's kernel has no Landlock of Linux 6.2 or newer", allow_module_level=True)

READS = """
import sys
from pathlib import Path
from slides.wsi.sandbox import wire
from slides.wsi.sandbox.slide_children import SlideChild, read_exactly

def serve(requests, answers):
    wire.unpack(lambda count: read_exactly(requests, count))
    seen = []
    for path in sys.argv[1:]:
        try:
            seen.append(Path(path).read_text())
        except PermissionError:
            continue
    wire.write_all(answers, wire.pack({"seen": seen}))

for path in sys.argv[1:]:
    print(SlideChild([Path(path)], 2048, serve).ask({})[0]["seen"])
"""


def test_a_slide_of_a_shared_decoder_sees_no_other_one(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    command = [sys.executable, "-s", "-c", READS, str(tmp_path / "one"), str(tmp_path / "two")]
    said = subprocess.run(command, cwd=PROJECT_ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert said.stdout == "['one']\n['two']\n"


@pytest.fixture
def pool(svs_path):
    with DecoderPool(size=1, readable=[svs_path.parent], timeout_s=20) as made:
        yield made


def readers(pool) -> list[psutil.Process]:
    """The processes of the slides that are open, the newest last."""
    (decoder,) = pool._idle
    inside = psutil.Process(decoder.pid)
    while inside.name() == "bwrap":
        (inside,) = inside.children()
    return sorted(inside.children(), key=lambda process: process.create_time())


def test_an_open_slide_keeps_its_process_and_the_one_used_least_is_closed(pool, svs_path):
    copies = [svs_path.parent / f"copy{number}.svs" for number in range(slide_children.MAX_OPEN_SLIDES)]
    for path in copies:
        path.write_bytes(svs_path.read_bytes())
    picture = pool.thumbnail(svs_path, 64)
    [first] = readers(pool)
    assert pool.thumbnail(svs_path, 64) == picture
    assert readers(pool) == [first]
    for path in copies:
        assert pool.thumbnail(path, 64) == picture
        path.unlink()
    psutil.wait_procs([first], 10)
    assert len(readers(pool)) == slide_children.MAX_OPEN_SLIDES
    assert first not in readers(pool)


@pytest.mark.parametrize(("number", "blamed"), [(signal.SIGSEGV, DecoderDied), (signal.SIGKILL, CutShort)])
def test_how_a_slides_process_ended_is_told_to_who_asked(pool, svs_path, number, blamed):
    pool.thumbnail(svs_path, 64)
    (decoder,) = pool._idle
    [reader] = readers(pool)
    reader.send_signal(number)
    with pytest.raises(blamed):
        decoder.ask([svs_path], {"op": "thumbnail", "max_px": 64, "timeout_s": 20}, 20)
    assert pool.thumbnail(svs_path, 64)
