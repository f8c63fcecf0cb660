"""Of an erased slide no byte can be read any more, not even through files that a process still has open."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from slides import files
from slides.models import Slide
from slides.services import erase
from slides.tiles import pictures
from slides.wsi import native
from slides.wsi.native import tile_size_for
from slides.wsi.pool import DecoderPool
from tests.factories import CaseFactory, SlideFactory, TeamFactory, UploadFactory, member, small_slide
from tests.live import LiveServer
from tests.slides.jpeg_slide import LEVEL, jpeg_slide


def held(process: psutil.Process, folder: Path) -> dict[str, bytes]:
    """What can be read through the open files of a process that lie, or lay, below `folder`."""
    found = {}
    for handle in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = str(handle.readlink())
            if target.startswith(str(folder)):
                found[target] = handle.read_bytes()
        except FileNotFoundError:
            continue
    return found


def held_by_all(server: LiveServer, folder: Path) -> dict[str, dict[str, bytes]]:
    """The same for web workers and decoders."""
    found: dict[str, dict[str, bytes]] = {"worker": {}, "decoder": {}}
    for process in psutil.Process(server.process.pid).children(recursive=True):
        who = "decoder" if "slides.wsi.decoder" in process.cmdline() else "worker"
        found[who] |= held(process, folder)
    return found


@pytest.fixture
def real_slide(data_dir):
    """A real slide with its index, as ingest leaves it."""
    team = TeamFactory()
    path = data_dir / "slides" / "CMU-1-Small-Region.svs"
    slide = SlideFactory(case=CaseFactory(team=team), file=path, tile_size=tile_size_for(240), tile_overlap=0)
    assert native.write_index(files.slide_paths(slide), files.native_path(slide))
    sealed = files.sealed_folder(slide)
    sealed.mkdir(parents=True)
    (sealed / "sent.svs").write_bytes(b"as it was sent")
    Slide.objects.filter(pk=slide.pk).update(sealed_files=["sent.svs"])
    return slide


@pytest.mark.needs_data
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
def test_nothing_is_read_of_an_erased_case_through_open_files_of_workers_and_decoders(
    real_slide, client, run_jobs, settings
):
    client.force_login(member(real_slide.case.team, "lead"))
    top = len(pictures.get_geometry(real_slide).levels) - 1
    with LiveServer(MITOWEB_TILE_CACHE=str(settings.TILE_CACHE_ROOT)) as server:
        ask_for_tiles(server, client, real_slide, top)
        sealed = (files.sealed_folder(real_slide) / "sent.svs").open("rb")
        before = held_by_all(server, settings.SLIDES_ROOT)
        assert all(any(who.values()) for who in before.values()), "nobody holds the slide, so nothing is shown here"
        erase.erase_case(None, real_slide.case)
        run_jobs("erase")
        assert not files.slide_folder(real_slide).exists()
        after = held_by_all(server, settings.SLIDES_ROOT)
        assert any(after.values()), "all was let go before it was looked at"
        assert [name for who in after.values() for name, content in who.items() if content] == []
        assert sealed.read() == b""
        assert client_status(server, client, real_slide, top) == 404  # the workers live


def ask_for_tiles(server: LiveServer, client, slide, top: int) -> None:
    """Stored ones, which open the index of a worker, and decoded ones."""
    for column, row in ((0, 0), (1, 1), (2, 2)):
        assert client_status(server, client, slide, top, column, row) == 200
    assert client_status(server, client, slide, 3) == 200


def client_status(server: LiveServer, client, slide, level: int, column: int = 0, row: int = 0) -> int:
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    address = f"{server.url}/api/slides/{slide.pk}/image_files/{level}/{column}_{row}.jpeg"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Cookie": cookie})) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


@pytest.mark.django_db
@pytest.mark.usefixtures("one_pool")
def test_caches_and_decoders_let_go_of_what_was_erased_and_keep_the_rest(settings):
    gone, other = jpeg_slide(), jpeg_slide()
    for slide in (gone, other):
        assert pictures.get_tile(slide, LEVEL, 1, 1).body
        assert pictures.get_crop(slide, 500, 400, 256, 64).body
    own = psutil.Process()
    files.remove_folder(gone.folder)
    pictures.let_go_of_erased()
    families = [own, *own.children(recursive=True)]
    still = {name for process in families for name in held(process, settings.SLIDES_ROOT / gone.folder)}
    assert still == set()
    assert held(own, settings.SLIDES_ROOT / other.folder)
    assert pictures.get_crop(other, 500, 400, 256, 64).body


def test_decoders_that_hold_nothing_erased_stay(svs_of_my_own):
    with DecoderPool(size=1) as pool:
        pool.thumbnail([svs_of_my_own], 50)
        before = pool._idle[0].pid
        pool.let_go_of_erased()
        assert pool._idle[0].pid == before
        svs_of_my_own.unlink()
        pool.let_go_of_erased()
        assert pool._idle == []
        assert not psutil.pid_exists(before)


@pytest.fixture
def svs_of_my_own(tmp_path):
    path = tmp_path / f"own{small_slide().suffix}"
    path.write_bytes(small_slide().read_bytes())
    return path


def test_what_has_a_second_name_is_not_ours_to_empty(tmp_path):
    folder = tmp_path / "slide"
    folder.mkdir()
    (tmp_path / "theirs.svs").write_bytes(b"theirs")
    os.link(tmp_path / "theirs.svs", folder / "linked.svs")
    (folder / "pointing.svs").symlink_to(tmp_path / "theirs.svs")
    (folder / "ours.svs").write_bytes(b"ours")
    with (folder / "ours.svs").open("rb") as ours:
        files.remove_tree(folder)
        assert ours.read() == b""
    assert not folder.exists()
    assert (tmp_path / "theirs.svs").read_bytes() == b"theirs"


def test_a_moved_folder_keeps_its_bytes(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "slide.svs").write_bytes(b"whole")
    files.move_folder(tmp_path / "from", tmp_path / "to")
    assert (tmp_path / "to" / "slide.svs").read_bytes() == b"whole"


@pytest.mark.django_db
def test_part_files_of_an_erased_case_are_emptied_too(cast, run_jobs):
    part = files.part_path(UploadFactory(case=cast.case, user=cast.tech, state="uploading"))
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"half a slide")
    with part.open("rb") as being_sent:
        erase.erase_case(cast.lead, cast.case)
        run_jobs("erase")
        assert being_sent.read() == b""
