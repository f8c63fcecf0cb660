"""Archives: the one slide in them comes out under our names, and whatever is hostile is refused before it costs."""

import io
import os
import random
import stat
import struct
import threading
import time
import warnings
import zipfile
from pathlib import Path

import pytest

from slides.wsi.archive import ArchiveLimits, slide_files, unpack
from slides.wsi.errors import SlideRefused
from slides.wsi.sets import slide_sets

SLIDE = b"II*\0" + random.Random(1).randbytes(50_000)
INSTANCE = b"\0" * 128 + b"DICM" + random.Random(2).randbytes(1000)
STEM = "0f4bd6a2-0000-4000-8000-000000000000"
LIMIT = 8 * 2**20
MRXS = {"B2.mrxs": b"\xff\xd8\xff", "B2/Slidedat.ini": b"[GENERAL]", "B2/Index.dat": b"01.02", "B2/Data0000.dat": SLIDE}


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "slide"
    made.mkdir()
    return made


def archive(folder: Path, members, method=zipfile.ZIP_STORED) -> Path:
    """members: name or ZipInfo → content."""
    path = folder / f"{STEM}.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(path, "w", method) as writer:
            for name, content in members.items() if isinstance(members, dict) else members:
                writer.writestr(name, content)
    return path


def taken(folder: Path, members, **limits) -> dict[str, bytes]:
    files = unpack(archive(folder, members), folder, ArchiveLimits(**{"total_bytes": LIMIT} | limits))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def refused(folder: Path, path: Path, **limits) -> str:
    """The sentence, when nothing but the archive is left."""
    with pytest.raises(SlideRefused) as refusal:
        unpack(path, folder, ArchiveLimits(**{"total_bytes": LIMIT} | limits))
    assert [left for left in folder.rglob("*") if left != path] == []
    return refusal.value.reason


def odd(name: str, mode: int = 0, **values) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("x")
    entry.filename = entry.orig_filename = name
    entry.create_system = 3
    entry.external_attr = mode << 16
    for key, value in values.items():
        setattr(entry, key, value)
    return entry


def test_a_single_slide_comes_out_under_our_name(folder):
    assert taken(folder, {"Jane Doe/A1.svs": SLIDE, "Jane Doe/readme.pdf": b"%PDF"}) == {f"{STEM}.svs": SLIDE}


def test_a_mrxs_set_comes_out_as_file_and_folder_with_its_inner_names(folder):
    more = {"B2/notes.txt": b"x", "__MACOSX/B2/._Index.dat": b"x", "B2/.DS_Store": b"x"}
    assert taken(folder, MRXS | more) == {
        f"{STEM}.mrxs": b"\xff\xd8\xff",
        f"{STEM}/Slidedat.ini": b"[GENERAL]",
        f"{STEM}/Index.dat": b"01.02",
        f"{STEM}/Data0000.dat": SLIDE,
    }


def test_the_instances_of_a_dicom_series_come_out_numbered(folder):
    members = {
        "S/1.2.3": INSTANCE,
        "S/1.2.4": INSTANCE + b"x",
        "S/README": b"text without an extension",
        "DICOMDIR": b"",
    }
    assert taken(folder, members) == {f"{STEM}/0001.dcm": INSTANCE, f"{STEM}/0002.dcm": INSTANCE + b"x"}


def test_unpacking_again_after_a_kill_ends_the_same(folder):
    (folder / STEM).mkdir()
    (folder / STEM / "Data0000.dat").write_bytes(b"left by an attempt that was killed" * 9000)
    assert taken(folder, MRXS)[f"{STEM}/Data0000.dat"] == SLIDE


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a.txt": b"x"}, "no slide in it"),
        ({}, "no slide in it"),
        ({"A1.svs": SLIDE, "A2.svs": SLIDE}, "2 slides in it"),
        (MRXS | {"A1.svs": SLIDE}, "2 slides in it"),
        ({"A/1.dcm": INSTANCE, "B/1.dcm": INSTANCE}, "2 slides in it"),
        ({"B2.mrxs": b"x"}, "folder of the same name"),
        ({"B2.mrxs": b"x", "B2/Index.dat": b"x"}, "no Slidedat.ini"),
    ],
)
def test_an_archive_without_exactly_one_slide_is_refused(folder, members, words):
    assert words in refused(folder, archive(folder, members))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../A1.svs", "outside"),
        ("a/../../A1.svs", "outside"),
        ("..\\..\\A1.svs", "outside"),
        ("/etc/A1.svs", "outside"),
        ("\\\\server\\share\\A1.svs", "outside"),
        ("C:\\A1.svs", "outside"),
        ("c:A1.svs", "outside"),
        ("a//A1.svs", "outside"),
        ("/".join("abcdefghi") + "/A1.svs", "outside"),
        ("x" * 1100 + ".svs", "outside"),
        ("inner.zip", "another archive"),
        ("inner.tar.gz", "another archive"),
    ],
)
def test_names_that_lead_out_and_nested_archives_are_refused(folder, tmp_path, name, words):
    assert words in refused(folder, archive(folder, [(odd(name), SLIDE)]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slide"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(folder, kind):
    assert "link or a device" in refused(folder, archive(folder, [(odd("A1.svs", kind | 0o644), b"/etc/shadow")]))


@pytest.mark.parametrize(
    "names", [("A1.svs", "A1.svs"), ("A1.svs", "a1.SVS"), ("Å.svs", "A\u030a.svs"), ("a/A1.svs", "a\\A1.svs")]
)
def test_two_files_of_one_name_are_refused(folder, names):
    assert "same name" in refused(folder, archive(folder, [(odd(name), SLIDE) for name in names]))


def test_an_encrypted_archive_is_refused(folder):
    path = archive(folder, {"A1.svs": SLIDE})
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    path.write_bytes(content)
    assert "encrypted" in refused(folder, path)


def test_an_archive_under_the_name_of_a_slide_is_refused(folder):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as writer:
        writer.writestr("A1.svs", SLIDE)
    assert "another archive" in refused(folder, archive(folder, {"A1.svs": inner.getvalue()}))


def test_an_unusual_packing_is_refused(folder):
    assert "unusual" in refused(folder, archive(folder, {"A1.svs": SLIDE}, zipfile.ZIP_LZMA))


def test_a_damaged_archive_is_refused(folder):
    path = archive(folder, {"A1.svs": SLIDE})
    content = bytearray(path.read_bytes())
    content[20_000] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in refused(folder, path)
    path.write_bytes(bytes(content[:30_000]))
    assert "damaged" in refused(folder, path)
    path.write_bytes(b"PK\x03\x04 and no more")
    assert "damaged" in refused(folder, path)


@pytest.mark.parametrize("said", [1000, 70_000])
def test_a_wrong_declared_size_is_refused(folder, said):
    path = archive(folder, {"A1.svs": SLIDE})
    declare(path, said)
    assert "damaged" in refused(folder, path)


def test_more_than_a_million_entries_are_refused_without_reading_them(folder):
    path = folder / f"{STEM}.zip"
    entry = b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 1_000_001
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path.write_bytes(directory + end)
    assert "entries" in refused(folder, path)


def test_more_entries_than_a_slide_has_are_refused(folder):
    assert "entries" in refused(folder, archive(folder, {f"{n}.dcm": b"x" for n in range(30)}), entries=20)


def test_a_thousandfold_bomb_is_refused_by_its_ratio(folder):
    path = archive(folder, {"A1.svs": b"\0" * 200 * 2**20}, zipfile.ZIP_DEFLATED)
    assert "grows more" in refused(folder, path, total_bytes=2**40)


def test_an_archive_larger_than_allowed_is_refused_by_what_it_says(folder):
    path = archive(folder, {"A1.svs": random.Random(3).randbytes(LIMIT + 1)})
    assert "too large" in refused(folder, path)


def test_a_bomb_that_lies_about_its_size_never_fills_more_than_the_limit(folder):
    """A directory that says 2 MB of 200: what lies on the disk is watched while it is unpacked."""
    path = archive(folder, {"A1.svs": b"\0" * 200 * 2**20}, zipfile.ZIP_DEFLATED)
    declare(path, 2 * 2**20)
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, on_disk(folder, path))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert "damaged" in refused(folder, path, total_bytes=2 * 2**20)
    done.set()
    watcher.join()
    assert most <= 1.1 * 2 * 2**20


def test_files_that_share_their_bytes_in_the_archive_count_each_time(folder):
    """The bomb of overlapping entries: many names for one stretch of packed bytes."""
    path = archive(folder, {"a/1.dcm": INSTANCE + b"\0" * 3 * 2**20}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path) as reader:
        one = reader.infolist()[0]
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    entry = content[start:end]
    directory = b"".join(entry.replace(b"a/1.dcm", f"a/{n}.dcm".encode()) for n in range(1, 8))
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 7, 7, len(directory), start, 0)
    path.write_bytes(content[:start] + directory + tail)
    assert one.file_size * 7 > LIMIT
    assert "too large" in refused(folder, path)


def test_a_full_disk_is_no_fault_of_the_archive(folder):
    path = archive(folder, {"A1.svs": SLIDE})
    (folder / f"{STEM}.svs").mkdir()  # nothing can be written there
    with pytest.raises(OSError):
        unpack(path, folder, ArchiveLimits(total_bytes=LIMIT))


def test_what_belongs_together_is_told_by_names():
    names = [
        "A1.svs",
        "x/B2.mrxs",
        "x/B2/Slidedat.ini",
        "x/B2/Data0001.dat",
        "x/C/1.dcm",
        "x/C/2.dcm",
        "d/3",
        "a.txt",
        ".x",
    ]
    sets, others = slide_sets(names)
    assert [(each.kind, each.files) for each in sets] == [
        ("file", ("A1.svs",)),
        ("dicom", ("d/3",)),
        ("mrxs", ("x/B2.mrxs", "x/B2/Data0001.dat", "x/B2/Slidedat.ini")),
        ("dicom", ("x/C/1.dcm", "x/C/2.dcm")),
    ]
    assert others == ["a.txt"]


def test_the_main_file_of_a_set_on_the_disk_comes_first(tmp_path):
    paths = [tmp_path / "u" / "Slidedat.ini", tmp_path / "u" / "Data0000.dat", tmp_path / "u.mrxs"]
    assert slide_files(paths)[0].name == "u.mrxs"
    assert set(slide_files(paths)) == set(paths)
    assert slide_files([tmp_path / "a.svs"]) == [tmp_path / "a.svs"]
    with pytest.raises(SlideRefused, match="folder of the same name"):
        slide_files([tmp_path / "u.mrxs"])


def declare(path: Path, said: int) -> None:
    """Write another unpacked size into both headers of the only member."""
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + at, said)
    path.write_bytes(content)


def on_disk(folder: Path, besides: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            try:
                total += 0 if path == besides else path.stat().st_size
            except FileNotFoundError:
                continue
    return total
