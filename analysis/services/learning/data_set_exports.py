"""A data set as a zip of its patches and a MIDOG JSON (like COCO, but a box is x1, y1, x2, y2), in pieces to be sent.

Each patch is an image with one annotation at its middle, with its readers' votes as MIDOG++ keeps them. The JSON comes
last, so that it names exactly the patches that went before it.
"""

import json
import re
import zipfile
from collections.abc import Iterator

from analysis.models import DataSet, DataSetRow
from analysis.services.learning.data_sets import PATCHES, folder_of
from analysis.services.learning.naming import hash_case, hash_slide
from mitoweb.lib.errors import Refused
from mitoweb.people import audit

MITOSIS, HARD_NEGATIVE = 1, 2
CATEGORIES = [{"id": MITOSIS, "name": "mitotic figure"}, {"id": HARD_NEGATIVE, "name": "hard negative"}]
PATCH_PX = 160
BOX_PX = 50  # 12.5 µm at 0.25 µm/px, as the challenges have it
TABLE = "MIDOG.json"
LICENCE = {"id": 1, "name": "as agreed with the laboratory; for research only"}
MPP = 0.25


def export_data_set(data_set: DataSet, by, *, told: bool = True) -> Iterator[bytes]:
    """The zip. Told in the audit before its first byte leaves, unless nothing will. Refused until patches are cut."""
    if not data_set.is_ready:
        raise Refused(f"The patches of {data_set.name} are still being cut.", "data_set_not_ready")
    if told:
        text = f"Exported a data set with hash {data_set.hash[:12]}"
        audit.record_change(by, None, "data_set.export", f"data_set {data_set.pk}", text)
    return _stream_zip(data_set)


def name_export(data_set: DataSet) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", data_set.name).strip("-.") or "data-set"
    return f"{name}-{data_set.hash[:8]}.zip"


class _Outlet:
    """A file for zipfile that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        content, self._parts = b"".join(self._parts), []
        return content


def _stream_zip(data_set: DataSet) -> Iterator[bytes]:
    outlet, sent = _Outlet(), []
    folder = folder_of(data_set.pk)
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for row in data_set.rows.standing().order_by("number").iterator(chunk_size=1000):
            path = folder / PATCHES / _name_patch(row)
            if path.is_file():  # else its case was erased while others went
                archive.writestr(f"images/{_name_patch(row)}", path.read_bytes())
                sent.append(row)
                yield outlet.take()
        archive.writestr(TABLE, json.dumps(_describe_patches(data_set, sent), indent=1, ensure_ascii=False))
    yield outlet.take()


def _name_patch(row: DataSetRow) -> str:
    return f"{row.number:06d}.png"


def _describe_patches(data_set: DataSet, rows: list[DataSetRow]) -> dict:
    about = {"description": f"MitoWeb data set {data_set.name}", "version": data_set.hash}
    return {
        "info": about | {"date_created": data_set.made.isoformat(timespec="seconds"), "mpp": MPP},
        "licenses": [LICENCE],
        "categories": CATEGORIES,
        "images": [_describe_image(row) for row in rows],
        "annotations": [_describe_annotation(row) for row in rows],
    }


def _describe_image(row: DataSetRow) -> dict:
    image = {"id": row.number, "file_name": _name_patch(row), "width": PATCH_PX, "height": PATCH_PX, "license": 1}
    image |= {"tumor_type": row.tumour, "scanner": row.scanner, "mpp": MPP}
    return image | {"case": hash_case(row.case_id), "slide": hash_slide(row.slide_id)}


def _describe_annotation(row: DataSetRow) -> dict:
    """By the majority; where there is none it is no mitosis, as MIDOG's readers leave what they do not agree on."""
    low, high = (PATCH_PX - BOX_PX) // 2, (PATCH_PX + BOX_PX) // 2
    return {
        "id": row.number,
        "image_id": row.number,
        "bbox": [low, low, high, high],
        "category_id": MITOSIS if row.label > 0.5 else HARD_NEGATIVE,
        "labels": [MITOSIS] * row.mitoses + [HARD_NEGATIVE] * (row.readers - row.mitoses),
        "label": row.label,
        "settled": row.settled,
        "weight": row.weight,
        "purpose": row.purpose,
        "added": row.added,
    }
