"""MIDOG and MIDOG++ JSON: like COCO, but a box is x1, y1, x2, y2, and each label keeps its readers' votes.

Categories go by name, never by number: 1 is the mitosis in MIDOG and 2 in CCMCT's export. An image without annotations
is unlabelled, not negative. A slide list beside the file (MIDOG++'s `datasets_xvalidation.csv`: Slide, Dataset, Tumor,
Scanner) gives split, tumour and scanner; pixel sizes by scanner are those of Aubreville et al. 2023 (Sci Data 10:484).
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.json_places import lines_of_items, name_of, read_json
from analysis.lab.datasets.readers.pictures import Pictures, image_facts
from analysis.lab.datasets.readers.tables import read_rows
from analysis.lab.datasets.records import Label, LabelledImage
from analysis.pipeline.detection_files.class_names import kind_of

NAME = "MIDOG JSON"
# Spelt as in the slide lists. "Hamammatsu" is theirs.
NOMINAL_MPP = {
    "hamamatsu xr": 0.23, "hamammatsu xr": 0.23, "hamamatsu s360": 0.23, "aperio cs2": 0.25, "3d histech": 0.25,
    "leica gt450": 0.26,
}  # fmt: skip
SLIDE_LIST_HEAD = {"slide", "dataset", "tumor", "scanner"}
MAX_SIDE_PX = 2_000_000
Id = int | str


@dataclass(frozen=True)
class Box:
    """An annotation whose four numbers are sound, not yet taken for corners."""

    numbers: tuple[float, float, float, float]
    image_id: Id
    category_id: Id
    votes: tuple
    name: str
    line: int | None


def recognises(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".json"


def parse(path: Path, faults: Faults) -> list[LabelledImage]:
    """Images in the file's order, each with its labels at the boxes' centres."""
    document, text = read_json(path, faults)
    if document is None:
        return []
    lacking = [key for key in ("images", "categories", "annotations") if not isinstance(document.get(key), list)]
    if lacking:
        advice = "A MIDOG JSON holds the lists images, categories and annotations"
        faults.error("not_midog", f"there is no list {', '.join(lacking)} in it", advice)
        return []
    kinds = _read_kinds(document["categories"], faults)
    images = _read_images(document["images"], lines_of_items(text, "images"), faults)
    boxes = _read_boxes(document["annotations"], lines_of_items(text, "annotations"), kinds, images, faults)
    if not _are_widths(boxes, images, faults):
        _note_borders(boxes, images, faults)
    by_image: dict[Id, list[Box]] = {key: [] for key in images}
    for box in boxes:
        by_image[box.image_id].append(box)
    licences = {_as_id(item.get("id")): str(item.get("name", "")) for item in _objects_in(document.get("licenses"))}
    slide_list, pictures = read_slide_list(path.parent), Pictures(path.parent)
    return [
        _make_image(path, item, line, by_image[key], kinds, licences, slide_list, pictures)
        for key, (item, line) in images.items()
    ]


def _objects_in(items: object) -> list[dict]:
    """The JSON objects in a list; whatever else is there is left to its own check."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _as_id(value: object) -> Id | None:
    """An id, which is a number or a name; None for anything else."""
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _read_kinds(categories: list, faults: Faults) -> dict[Id, tuple[str, str]]:
    """Category id → (kind, name)."""
    named = [(_as_id(item.get("id")), str(item.get("name", ""))) for item in _objects_in(categories)]
    found = {key: (kind_of(name), name) for key, name in named if key is not None}
    if MITOSIS not in {kind for kind, _ in found.values()}:
        names = ", ".join(repr(name) for _, name in found.values()) or "none"
        faults.error("no_mitosis_class", f"no category is called mitotic figure (there is {names})", "Name it so")
    return found


def _read_images(items: list, lines: list[int | None], faults: Faults) -> dict[Id, tuple[dict, int | None]]:
    """Image id → (item, line); those that cannot be told apart are faults."""
    found, names = {}, set()
    for number, (item, line) in enumerate(zip(items, lines, strict=False), 1):
        item = item if isinstance(item, dict) else {}
        key, name = _as_id(item.get("id")), item.get("file_name")
        if key is None or not isinstance(name, str) or not name:
            what = f"image number {number} of the list has no id or no file_name"
            faults.error("image_unnamed", what, "Give it both", line)
        elif key in found or name in names:
            faults.error("image_twice", f"image {name} (id {key}) is listed twice", "Keep one of them", line, name)
        else:
            found[key] = (item, line)
            names.add(name)
    return found


def _read_boxes(items: list, lines: list[int | None], kinds: dict, images: dict, faults: Faults) -> list[Box]:
    found = []
    for number, (item, line) in enumerate(zip(items, lines, strict=False), 1):
        item = item if isinstance(item, dict) else {}
        numbers, name = item.get("bbox"), name_of(item, number)
        at = faults.of(name, _file_name(images, _as_id(item.get("image_id"))))
        if not _are_four_numbers(numbers):
            advice = "A box is four pixel numbers x1, y1, x2, y2"
            at.error("bad_box", f"the bbox is {str(numbers)[:60]}", advice, line)
        elif _as_id(item.get("image_id")) not in images:
            what = f"it is for image {item.get('image_id')!r}, which the file does not list"
            at.error("unknown_image", what, "List the image or take the annotation out", line)
        elif _as_id(item.get("category_id")) not in kinds:
            what = f"it has category {item.get('category_id')!r}, which the file does not list"
            at.error("unknown_class", what, "List the category or take the annotation out", line)
        else:
            votes = tuple(map(_as_id, item["labels"])) if isinstance(item.get("labels"), list) else ()
            found.append(Box(tuple(numbers or ()), item["image_id"], item["category_id"], votes, name, line))
    return found


def _file_name(images: dict, key: Id | None) -> str:
    """The name of an image by its id, "" for one that the file does not list."""
    return images[key][0]["file_name"] if key in images else ""


def _are_four_numbers(numbers: object) -> bool:
    if not isinstance(numbers, list) or len(numbers) != 4:
        return False
    return all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)


def _are_widths(boxes: list[Box], images: dict, faults: Faults) -> bool:
    """Whether boxes are written x, y, width, height as COCO has them; a fault then, and one for each single box with
    its corners turned round.
    """
    turned = [box for box in boxes if box.numbers[2] <= box.numbers[0] or box.numbers[3] <= box.numbers[1]]
    if not turned:
        return False
    last_two, share = _commonest_pair([box.numbers[2:] for box in boxes])
    _, share_as_corners = _commonest_pair([(b.numbers[2] - b.numbers[0], b.numbers[3] - b.numbers[1]) for b in boxes])
    if len(boxes) > 1 and (share > max(0.5, share_as_corners) or len(turned) > len(boxes) / 2):
        what = f"the boxes look like x, y, width, height: {len(turned)} of {len(boxes)} would end before they begin"
        if share > 0.5:
            what += f", and most end in {last_two[0]:g}, {last_two[1]:g}"
        faults.error("xywh", what, "Write them as x1, y1, x2, y2: x2 = x + width, y2 = y + height", turned[0].line)
        return True
    for box in turned:
        what = f"the box {', '.join(f'{n:g}' for n in box.numbers)} ends before it begins"
        advice = "A box is x1, y1, x2, y2 with x1 < x2 and y1 < y2, not width and height"
        faults.of(box.name, _file_name(images, box.image_id)).error("box_turned", what, advice, box.line)
    return False


def _note_borders(boxes: list[Box], images: dict, faults: Faults) -> None:
    """Says how many boxes reach over their image's border, which only their centres must not."""
    over = 0
    for box in boxes:
        width, height = (_side_px(images[box.image_id][0], side) for side in ("width", "height"))
        x1, y1, x2, y2 = box.numbers
        over += min(x1, y1) < 0 or (width is not None and x2 > width) or (height is not None and y2 > height)
    if over:
        what = f"{over} of {len(boxes)} boxes reach over the border of their image"
        faults.note("box_over_border", what, "Their centres are used; windows there are mirrored")


def _commonest_pair(pairs: list[tuple]) -> tuple[tuple, float]:
    pair, count = Counter(pairs).most_common(1)[0]
    return pair, count / len(pairs)


def _make_image(
    path: Path,
    item: dict,
    line: int | None,
    boxes: list[Box],
    kinds: dict[Id, tuple[str, str]],
    licences: dict[Id | None, str],
    slide_list: dict[str, dict],
    pictures: Pictures,
) -> LabelledImage:
    name = str(item["file_name"])
    listed = slide_list.get(Path(name).stem.lstrip("0"), {})
    scanner = listed.get("scanner", str(item.get("scanner", "")))
    facts = image_facts(pictures.find(name), NOMINAL_MPP.get(scanner.lower()))
    told = {key: _side_px(item, key) for key in ("width", "height")}
    return LabelledImage(
        name=name,
        slide=name,
        patient=name,
        collection="midog",
        source=path,
        line=line,
        labels=tuple(_label_of(box, kinds) for box in boxes),
        labelled=bool(boxes),
        tumour=str(item.get("tumor_type") or listed.get("tumor", "")),
        scanner=scanner,
        split=listed.get("dataset", ""),
        licence=licences.get(_as_id(item.get("license")), ""),
        **(facts | {key: value for key, value in told.items() if facts[key] is None}),
    )


def _side_px(item: dict, key: str) -> int | None:
    """A width or height in px, None where it is not told or absurd."""
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_SIDE_PX else None


def _label_of(box: Box, kinds: dict) -> Label:
    x1, y1, x2, y2 = box.numbers
    kind, class_name = kinds[box.category_id]
    votes = tuple(kinds[vote][0] if vote in kinds else kind_of(str(vote)) for vote in box.votes)
    return Label((x1 + x2) / 2, (y1 + y2) / 2, kind, votes, class_name, box.line, annotation=box.name)


def read_slide_list(folder: Path) -> dict[str, dict[str, str]]:
    """Slide number, without leading zeros → its columns (slide, dataset, tumor, scanner, …), lower-case keys; empty
    where no slide list lies in the folder.
    """
    for path in sorted(folder.glob("*.csv")):
        if is_slide_list(path):
            head, *rows = read_rows(path, Faults(path))
            names = [cell.lower() for cell in head.cells]
            listed = [dict(zip(names, row.cells, strict=False)) for row in rows]
            return {row["slide"].lstrip("0"): row for row in listed}
    return {}


def is_slide_list(path: Path) -> bool:
    """Whether a CSV is a list of slides and holds no labels itself."""
    with path.open("rb") as file:
        head = file.readline(500).decode("utf-8-sig", "replace")
    return {cell.strip().lower() for cell in head.replace(",", ";").split(";")} >= SLIDE_LIST_HEAD
