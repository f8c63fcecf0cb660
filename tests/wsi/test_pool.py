"""The pool keeps working while its children are killed, starved and stuck."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import CutShort, DecoderDied, DecodersBusy, SlideRefused
from slides.wsi.pool import LINE_PER_CHILD, DecoderPool
from slides.wsi.reader import open_slide
from slides.wsi.sandbox import exit_causes, wire
from slides.wsi.sandbox.limits import ENVIRONMENT, PROJECT_ROOT
from tests.wsi import makers


@pytest.fixture
def pool():
    with DecoderPool(size=2, memory_mb=2048, timeout_s=10) as pool:
        yield pool


@pytest.fixture
def slow_path(tmp_path) -> Path:
    """An image whose decoding takes a good part of a second."""
    Image.new("1", (7900, 7900)).save(tmp_path / "slow.png")
    return tmp_path / "slow.png"


def children(pool: DecoderPool) -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "slides.wsi.decoder" in process.cmdline():
                found.append(process)
    return found


def decoded(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_a_tile_shows_what_the_reader_reads(pool, svs_path):
    zoom = DeepZoom(makers.WIDTH, makers.HEIGHT)
    level = len(zoom.levels) - 1
    box = zoom.tile_box(level, 1, 0)
    with open_slide(svs_path) as reader:
        pixels = reader.read(box.x_l0, box.y_l0, box.width, box.height, box.downsample)
    tile = decoded(pool.tile([svs_path], level, 1, 0))
    assert tile.shape == pixels.shape
    assert np.abs(tile.astype(int) - pixels).max() <= 12


def test_tiles_may_have_another_geometry(pool, svs_path):
    assert decoded(pool.tile([svs_path], 10, 1, 0, tile_size=128, overlap=0)).shape == (128, 128, 3)


def test_crops_and_thumbnails_have_the_size_asked_for(pool, svs_path):
    assert decoded(pool.crop([svs_path], 10.5, 20, 64, 48, 1.5)).shape == (48, 64, 3)
    assert decoded(pool.thumbnail(svs_path, 100)).shape == (67, 100, 3)


def test_a_region_has_the_size_asked_for_also_where_its_shape_changes(pool, svs_path):
    with open_slide(svs_path) as reader:
        whole = reader.read(100, 50, 300, 200, 1)
    assert np.abs(decoded(pool.region([svs_path], 100, 50, 300, 200, 300, 200)).astype(int) - whole).max() <= 12
    squeezed = cv2.resize(whole, (100, 180), interpolation=cv2.INTER_AREA)
    assert np.abs(decoded(pool.region([svs_path], 100, 50, 300, 200, 100, 180)).astype(int) - squeezed).mean() <= 3
    assert decoded(pool.region([svs_path], 0, 0, 600, 400, 600, 1)).shape == (1, 600, 3)
    for sizes in ((0, 10, 1, 1), (10, 10, 0, 1), (600, 400, 4096, 4096)):
        with pytest.raises(ValueError):
            pool.region([svs_path], 0, 0, *sizes)


def test_made_levels_are_read_where_the_file_has_none(pool, tmp_path):
    path = makers.write_pages(tmp_path / "slide.tiff", [makers.picture()])
    made = np.full_like(makers.halves(makers.picture(), 2)[1], 77)
    levels = makers.write_pages(tmp_path / "levels.tiff", [made])
    assert abs(int(decoded(pool.tile(path, 9, 0, 0, 128, 0, levels=levels)).mean()) - 77) <= 1
    assert decoded(pool.tile(path, 9, 0, 0, 128, 0)).mean() > 90


def test_a_tile_that_does_not_exist_is_an_index_error(pool, svs_path):
    for address in ((40, 0, 0), (-1, 0, 0), (10, 3, 0), (10, 0, -1)):
        with pytest.raises(IndexError):
            pool.tile([svs_path], *address)


def test_a_crop_out_of_range_is_a_value_error(pool, svs_path):
    with pytest.raises(ValueError, match="20000 x 20000"):
        pool.crop([svs_path], 0, 0, 20_000, 20_000, 1)


def test_a_refusal_leaves_the_child_alive(pool, svs_path, tmp_path):
    (tmp_path / "a.svs").write_text("no slide")
    pool.thumbnail([svs_path], 50)
    before = {child.pid for child in children(pool)}
    with pytest.raises(SlideRefused, match="text file"):
        pool.thumbnail([tmp_path / "a.svs"], 50)
    pool.thumbnail([svs_path], 50)
    assert before <= {child.pid for child in children(pool)}


def test_a_damaged_tile_fails_alone(pool, tmp_path):
    """The slide opens again for the next tile: OpenSlide answers nothing after an error."""
    path = makers.spoil_first_tile(makers.ndpi(tmp_path))
    with pytest.raises(SlideRefused, match="damaged"):
        pool.crop([path], 0, 0, 64, 64, 1)
    assert decoded(pool.crop([path], 0, 0, 64, 64, 2)).shape == (64, 64, 3)


def test_a_killed_idle_child_is_replaced_unnoticed(pool, svs_path):
    pool.thumbnail([svs_path], 50)
    for child in children(pool):
        child.kill()
        child.wait(5)
    assert pool.thumbnail([svs_path], 50)


@pytest.mark.parametrize("signal_sent", [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS])
def test_a_child_that_crashes_at_work_fails_its_own_call_only(pool, svs_path, slow_path, signal_sent):
    death = end_at_work(pool, svs_path, slow_path, signal_sent, DecoderDied)
    assert death.paths == (slow_path,)
    assert pool.thumbnail([svs_path], 50)


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_is_killed_from_outside_says_nothing_about_its_slide(pool, svs_path, slow_path, signal_sent):
    end_at_work(pool, svs_path, slow_path, signal_sent, CutShort)
    assert pool.thumbnail([svs_path], 50)


def end_at_work(pool: DecoderPool, other: Path, path: Path, signal_sent: signal.Signals, expected: type) -> Exception:
    """What a call raises whose child gets the signal while it decodes `path`."""
    pool.thumbnail([other], 50)
    with ThreadPoolExecutor(1) as threads:
        doomed = threads.submit(pool.thumbnail, [path], 50)
        os.kill(_child_that_holds(pool, path).pid, signal_sent)
        with pytest.raises(expected) as death:
            doomed.result(10)
    assert f"signal {signal_sent.value}" in death.value.cause
    return death.value


def test_a_slide_that_aborts_its_decoder_harms_no_other(pool, svs_path, tmp_path):
    path = makers.scn_that_aborts(tmp_path)
    for _ in range(3):
        assert pool.crop([path], 0, 0, 64, 64, 1)
        with pytest.raises(DecoderDied, match="signal 6"):
            pool.crop([path], 0, 0, 64, 64, 2)
        assert pool.thumbnail([svs_path], 50)


def test_a_child_that_used_its_time_is_the_slides_fault(svs_path, slow_path, monkeypatch):
    monkeypatch.setattr(exit_causes, "OWN_SHARE", 0.1)  # a test machine at work may give less than half of its time
    with DecoderPool(size=1, timeout_s=0.3) as pool:
        pool.thumbnail([svs_path], 50)
        with pytest.raises(DecoderDied, match=r"no answer in 0\.3 s"):
            pool.thumbnail([slow_path], 50)


def test_a_stuck_child_is_killed_in_time_and_says_nothing_about_its_slide(svs_path):
    with DecoderPool(size=1, timeout_s=1.0) as pool:
        pool.thumbnail([svs_path], 50)
        (stuck,) = children(pool)
        stuck.suspend()
        with pytest.raises(CutShort, match="no answer in 1 s"):
            pool.thumbnail([svs_path], 50)
        assert not psutil.pid_exists(stuck.pid)
        assert pool.thumbnail([svs_path], 50)


def test_who_waits_too_long_is_told_that_decoders_are_busy(svs_path):
    with DecoderPool(size=1, timeout_s=1.0) as pool, ThreadPoolExecutor(1) as threads:
        pool.thumbnail([svs_path], 50)
        (stuck,) = children(pool)
        stuck.suspend()
        first = threads.submit(pool.thumbnail, [svs_path], 50)
        _wait_until(lambda: not pool._idle)
        pool._timeout_s = 0.1
        with pytest.raises(DecodersBusy):
            pool.thumbnail([svs_path], 50)
        with pytest.raises(CutShort):
            first.result(10)


def test_while_children_are_behind_few_wait_and_others_are_told_at_once(svs_path):
    """Some wait beyond the bound until it is seen that nothing moves, then nobody does."""
    with DecoderPool(size=1, timeout_s=4.0) as pool, ThreadPoolExecutor(32) as threads:
        pool.thumbnail([svs_path], 50)
        (stuck,) = children(pool)
        stuck.suspend()
        began = time.monotonic()
        asked = [threads.submit(seconds_until_busy, pool, svs_path) for _ in range(12)]
        _wait_until(lambda: time.monotonic() - began > 1.5)
        assert len(pool._line) == LINE_PER_CHILD
        late = [threads.submit(seconds_until_busy, pool, svs_path) for _ in range(12)]
        assert max(future.result(2) for future in late) < 0.5
        assert len(pool._line) == LINE_PER_CHILD
        sooner = sorted(future.result(20) for future in asked)[: 12 - 1 - LINE_PER_CHILD]
        assert all(0.9 < seconds < 1.5 for seconds in sooner)


def seconds_until_busy(pool: DecoderPool, path: Path) -> float:
    began = time.monotonic()
    with contextlib.suppress(DecodersBusy, CutShort):
        pool.thumbnail([path], 50)
    return time.monotonic() - began


def test_a_line_that_moves_may_be_of_any_length(svs_path):
    """Sixteen threads of a web process that ask as fast as they can, for tiles that are all decoded."""
    with DecoderPool(size=2, timeout_s=20) as pool, ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(pool.tile, [svs_path], 10, number % 3, 0) for number in range(600)]
        assert all(future.result(60) for future in asked)


def test_once_children_get_on_again_everybody_may_wait(svs_path):
    with DecoderPool(size=1, timeout_s=4.0) as pool, ThreadPoolExecutor(32) as threads:
        pool.thumbnail([svs_path], 50)
        (stuck,) = children(pool)
        stuck.suspend()
        asked = [threads.submit(seconds_until_busy, pool, svs_path) for _ in range(8)]
        _wait_until(lambda: pool._behind)
        stuck.resume()
        for future in asked:
            future.result(20)
        assert not pool._behind
        assert all(threads.map(lambda _: pool.thumbnail([svs_path], 50), range(32)))


def test_memory_is_limited(tmp_path, svs_path):
    Image.new("1", (7900, 7900)).save(tmp_path / "large.png")
    with DecoderPool(size=1, memory_mb=450) as pool:
        with pytest.raises((SlideRefused, DecoderDied)):
            pool.thumbnail([tmp_path / "large.png"], 50)
        assert pool.thumbnail([svs_path], 50)


def test_many_threads_share_few_children_while_some_are_killed(svs_path):
    """32 threads, 2 children, a kill every now and then: every call ends with the right tile or CutShort."""
    with DecoderPool(size=2, timeout_s=20) as pool:
        right = [pool.tile([svs_path], 10, column, 0) for column in range(3)]
        deaths, wrong = [], []

        def work(number: int) -> None:
            for turn in range(15):
                column = (number + turn) % 3
                try:
                    if pool.tile([svs_path], 10, column, 0) != right[column]:
                        wrong.append(column)
                except CutShort as death:
                    deaths.append(death)

        stop = threading.Event()
        killer = threading.Thread(target=_kill_now_and_then, args=(pool, svs_path, stop))
        killer.start()
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(work, range(32)))
        stop.set()
        killer.join()
        assert not wrong
        assert len(deaths) <= 10
        assert len(children(pool)) <= 2


def test_a_system_that_makes_no_process_is_not_the_slides_fault(svs_path, monkeypatch):
    def no_process(*arguments, **options):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with DecoderPool(size=1) as pool:
        with monkeypatch.context() as short:
            short.setattr(subprocess, "Popen", no_process)
            with pytest.raises(CutShort, match="does not start"):
                pool.thumbnail([svs_path], 50)
        assert pool.thumbnail([svs_path], 50), "the room of the child that could not be made was lost"


def test_no_secret_reaches_a_child(pool, svs_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("SECRET_KEY", "secret")
    pool.thumbnail([svs_path], 50)
    for child in children(pool):
        assert set(child.environ()) == set(ENVIRONMENT)


def test_a_child_has_its_limits(pool, svs_path):
    pool.thumbnail([svs_path], 50)
    child = children(pool)[0]
    assert child.rlimit(psutil.RLIMIT_AS) == (2048 * 2**20,) * 2
    assert child.rlimit(psutil.RLIMIT_NOFILE) == (64, 64)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)


def test_a_child_is_cut_off_from_the_network_where_the_system_allows_it(pool, svs_path):
    pool.thumbnail([svs_path], 50)
    child = children(pool)[0]
    own = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    if not own:
        pytest.skip("this system lets nobody make a network of their own")
    assert Path(f"/proc/{child.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_children_end_with_the_pool(svs_path):
    pool = DecoderPool(size=1)
    pool.thumbnail([svs_path], 50)
    (child,) = children(pool)
    pool.close()
    pool.close()
    assert not psutil.pid_exists(child.pid)
    with pytest.raises(RuntimeError, match="closed"):
        pool.thumbnail([svs_path], 50)


def test_a_stuck_child_dies_with_a_killed_parent(svs_path):
    """Stopped, it reads no end of input: the kernel has to end it."""
    script = (
        "import sys, time; from slides.wsi.pool import DecoderPool; pool = DecoderPool(size=1);"
        f"pool.thumbnail([{str(svs_path)!r}], 50); print(pool._idle[0].pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    child.suspend()
    parent.kill()
    parent.communicate()
    assert child.wait(10) is None or not child.is_running()


def test_a_child_outlives_the_thread_that_first_asked(pool, svs_path):
    thread = threading.Thread(target=pool.thumbnail, args=([svs_path], 50))
    thread.start()
    thread.join()
    before = {child.pid for child in children(pool)}
    assert pool.thumbnail([svs_path], 50)
    assert {child.pid for child in children(pool)} == before


def test_importing_the_pool_loads_no_decoder():
    script = (
        "import sys, slides.wsi.pool, slides.wsi.probe, slides.wsi.deepzoom, slides.wsi.sets;"
        "heavy = {'openslide', 'numpy', 'cv2', 'PIL', 'tifffile', 'large_image', 'pydicom'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_message_out_of_bounds_is_refused():
    for lengths in ((wire.MAX_HEADER + 1, 0), (2, wire.MAX_BODY + 1)):
        stream = iter([wire.LENGTHS.pack(*lengths), b"{}"])
        with pytest.raises(ValueError, match="too long"):
            wire.unpack(lambda count, stream=stream: next(stream))


def _child_that_holds(pool: DecoderPool, path: Path) -> psutil.Process:
    """The child that has opened `path`."""
    found: list[psutil.Process] = []
    _wait_until(lambda: found.extend(_holders(pool, path)) or found)
    return found[0]


def _holders(pool: DecoderPool, path: Path) -> list[psutil.Process]:
    holders = []
    for child in children(pool):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(file.path == str(path) for file in child.open_files()):
                holders.append(child)
    return holders


def _kill_now_and_then(pool: DecoderPool, path: Path, stop: threading.Event) -> None:
    """Only children that are at work: a start that is killed again and again is another matter."""
    for _ in range(5):
        if stop.wait(0.3):
            return
        for child in _holders(pool, path)[:1]:
            child.kill()


def _wait_until(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_message_whose_header_is_nested_too_deeply_is_out_of_bounds():
    header = b"[" * (wire.MAX_HEADER // 2)
    parts = iter([wire.LENGTHS.pack(len(header), 0), header])
    with pytest.raises(ValueError, match="deeply|JSON|Expecting"):
        wire.unpack(lambda length: next(parts))
