"""Names where no field says that there is one, and a disk that is full on the way."""

import contextlib
import struct
import subprocess

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from slides.wsi.deid import deidentify
from slides.wsi.formats.dicom.working_copy import rewrite
from tests.wsi import makers
from tests.wsi.deid.makers_parts import PLANTED, fresh, planted_in

NAME = PLANTED[0].encode()


@pytest.fixture
def instance(tmp_path):
    """One instance in a folder of its own."""
    folder = tmp_path / "series"
    folder.mkdir()
    return next(makers.dicom(folder, levels=1).glob("*.dcm"))


def copied(path, tmp_path):
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    return made, [folder / name for name in made.files]


def test_a_comment_between_the_scan_and_its_end_mark_is_not_copied(instance, tmp_path):
    data = dcmread(instance)
    frames = list(generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
    end = frames[0].rfind(b"\xff\xd9")
    comment = b"\xff\xfe" + struct.pack(">H", len(NAME) + 2) + NAME
    frames[0] = frames[0][:end] + comment + frames[0][end:]
    frames[0] += bytes(len(frames[0]) % 2)
    data.PixelData = encapsulate(frames)
    data.save_as(instance, enforce_file_format=True)
    made, copies = copied(instance, tmp_path)
    assert planted_in([instance]) == [PLANTED[0]] and planted_in(copies) == []
    assert made.verified and "comments in frames" in made.removed


def test_letters_in_the_place_of_frame_offsets_are_not_copied(instance, tmp_path):
    data = dcmread(instance)
    data.ExtendedOffsetTable = data.ExtendedOffsetTableLengths = NAME + bytes(-len(NAME) % 8)
    data.save_as(instance, enforce_file_format=True)
    made, copies = copied(instance, tmp_path)
    assert planted_in([instance]) == [PLANTED[0]] and planted_in(copies) == []
    assert made.verified


@contextlib.contextmanager
def small_disk(folder, kilobytes):
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this account may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("make", [makers.tiff_zstd, makers.dicom_jpegls])
def test_a_full_disk_is_told_as_such_and_never_as_a_damaged_slide(make, tmp_path):
    path, folder = make(tmp_path), fresh(tmp_path)
    with small_disk(folder, 16) as full:
        with pytest.raises(OSError, match="No room on the disk"):
            deidentify([path], full, timeout_s=60, memory_mb=2048)
        assert list(full.iterdir()) == []
