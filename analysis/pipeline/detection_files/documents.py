"""Detections in JSON: `mitosis detect`, the MIDOG challenges, HoVer-Net and CellViT."""

from typing import Any

from analysis.pipeline.detection_files.places import (
    MM,
    Classes,
    DetectionFile,
    DetectionsRefused,
    Place,
    middle_of,
    number_in,
    objects_in,
    positive_or_none,
    probability_in,
)


def read_detect(document: dict, image: str) -> DetectionFile:
    """A file of `mitosis detect`, level-0 px."""
    found = []
    for number, item in enumerate(objects_in(document["detections"], "detections"), 1):
        where = f"Detection {number}"
        call = item.get("mitosis")
        x, y = (number_in(item.get(key), key, where) for key in ("x_l0", "y_l0"))
        probability = probability_in(item.get("probability"), where)
        found.append(Place(x, y, probability, call if isinstance(call, bool) else None))
    width, height = (positive_or_none(document.get(key)) for key in ("width", "height"))
    return DetectionFile(
        "mitosis detect",
        tuple(found),
        threshold=probability_in(document.get("threshold"), "The file"),
        width=int(width) if width else None,
        height=int(height) if height else None,
        mpp_x=positive_or_none(document.get("mpp_x")) or positive_or_none(document.get("mpp")),
        mpp_y=positive_or_none(document.get("mpp_y")) or positive_or_none(document.get("mpp")),
        detector=str(document.get("model", ""))[:60],
    )


def read_points(document: dict, image: str) -> DetectionFile:
    """What a container of the MIDOG challenge answers: points [x, y, 0] in mm (`mitotic-figures.json`)."""
    found, classes = [], Classes()
    for number, item in enumerate(objects_in(document["points"], "points"), 1):
        where, point = f"Point {number}", item.get("point")
        if not isinstance(point, list) or len(point) not in (2, 3):
            raise DetectionsRefused(f"{where}: point is {str(point)[:40]!r}, not [x, y, 0].")
        x, y = (number_in(value, axis, where) for value, axis in zip(point[:2], "xy", strict=True))
        belongs, call = classes.call_of(str(item.get("name") or ""))
        if belongs:
            found.append(Place(x, y, probability_in(item.get("probability"), where), call))
    return DetectionFile("MIDOG submission", tuple(found), MM, notes=classes.notes(len(found)))


def read_boxes(document: dict, image: str) -> DetectionFile:
    """MIDOG JSON: boxes x1, y1, x2, y2 in px, categories by name. Of several images the one called as `image` is."""
    images = objects_in(document.get("images"), "images")
    categories = {str(item.get("id")): str(item.get("name", "")) for item in objects_in(document["categories"], "")}
    chosen = _choose_image(images, image)
    wanted = [
        item for item in objects_in(document["annotations"], "annotations") if item.get("image_id") == chosen.get("id")
    ]
    found, classes = [], Classes()
    for number, item in enumerate(wanted, 1):
        where, box = f"Annotation {item.get('id', number)}", item.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            raise DetectionsRefused(f"{where}: the bbox is {str(box)[:40]!r}, not x1, y1, x2, y2.")
        x1, y1, x2, y2 = (number_in(value, "a corner", where) for value in box)
        if x2 <= x1 or y2 <= y1:
            raise DetectionsRefused(
                f"{where}: the box ends before it begins. A MIDOG box is x1, y1, x2, y2, not width and height."
            )
        belongs, call = classes.call_of(categories.get(str(item.get("category_id")), "unknown category"))
        if belongs:
            score = item.get("probability", item.get("score"))
            found.append(Place((x1 + x2) / 2, (y1 + y2) / 2, probability_in(score, where), call))
    width, height = (positive_or_none(chosen.get(key)) for key in ("width", "height"))
    return DetectionFile(
        "MIDOG JSON",
        tuple(found),
        width=int(width) if width else None,
        height=int(height) if height else None,
        notes=classes.notes(len(found)),
    )


def _choose_image(images: list[dict], image: str) -> dict:
    if len(images) == 1:
        return images[0]
    names = [str(item.get("file_name", "")) for item in images]
    meant = [index for index, name in enumerate(names) if stem_of(name) == stem_of(image)]
    if len(meant) == 1:
        return images[meant[0]]
    listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    raise DetectionsRefused(
        f"It is of {len(images)} images ({listed}), and none is called as this slide, {image}. Hand in those of one "
        "image, or name the slide as its image."
    )


def stem_of(name: str) -> str:
    """The name of a file without folder and extension, lower case."""
    return name.replace("\\", "/").rpartition("/")[2].partition(".")[0].strip().lower()


def read_nuclei(document: dict, image: str) -> DetectionFile:
    """HoVer-Net's `nuc` (a dict by number) and CellViT's `cells` (a list): centroids in px, types that are names, or
    numbers that `type_map` names.
    """
    hover = isinstance(document.get("nuc"), dict)
    cells = list(document["nuc"].values()) if hover else document.get("cells", document.get("nuc"))
    types = _read_types(document)
    found, classes = [], Classes()
    for number, item in enumerate(objects_in(cells, "The list of nuclei"), 1):
        where = f"Nucleus {number}"
        told = item.get("type_name", item.get("type", item.get("class")))
        name = types.get(str(told), "" if told is None else str(told))
        belongs, call = classes.call_of(f"type {name}" if name.lstrip("-").isdecimal() else name)
        if not belongs:
            continue
        x, y = _centroid_of(item, where)
        score = item.get("type_prob", item.get("probability", item.get("score")))
        found.append(Place(x, y, probability_in(score, where), call))
    if classes.left_out and not found and not types:
        raise DetectionsRefused(
            'Nothing in it says which type of nucleus is a mitosis. Add a type_map, such as {"1": "mitosis"}.'
        )
    about = document.get("wsi_metadata")
    mpp = positive_or_none(about.get("base_mpp")) if isinstance(about, dict) else None
    return DetectionFile(
        "HoVer-Net" if hover else "CellViT",
        tuple(found),
        mpp_x=mpp,
        mpp_y=mpp,
        power=positive_or_none(document.get("mag")) if hover else None,
        notes=classes.notes(len(found)),
    )


def _read_types(document: dict) -> dict[str, str]:
    """Number → name. HoVer-Net's type_info has [name, colour]; some write name → number."""
    told = document.get("type_map") or document.get("type_info") or {}
    if not isinstance(told, dict):
        return {}
    found: dict[str, str] = {}
    for key, value in told.items():
        name: Any = value[0] if isinstance(value, list) and value else value
        if isinstance(name, str):
            found[str(key)] = name
        else:
            found[str(name)] = str(key)
    return found


def _centroid_of(item: dict, where: str) -> tuple[float, float]:
    """Its centroid, else the middle of its contour."""
    place, contour = item.get("centroid"), item.get("contour")
    if place is None and isinstance(contour, list) and contour:
        pairs = [pair for pair in contour if isinstance(pair, list) and len(pair) == 2]
        if len(pairs) == len(contour):
            return middle_of((number_in(x, "x", where), number_in(y, "y", where)) for x, y in pairs)
    if not isinstance(place, list) or len(place) != 2:
        raise DetectionsRefused(f"{where}: the centroid is {str(place)[:40]!r}, not [x, y].")
    x, y = (number_in(value, axis, where) for value, axis in zip(place, "xy", strict=True))
    return x, y
