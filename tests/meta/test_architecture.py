"""ARCHITECTURE's map is the tree: each folder that it names is there, and each room of the code stands in it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAPPED = ("mitoweb", "slides", "analysis", "frontend", "benchmarks")
DEEPEST = 2  # folders below those
# Django looks for these by name, and they hold no room of their own.
LEFT_OUT = {"migrations", "templates", "static", "management"}


def the_map() -> dict[str, str]:
    """{folder: what the map says of it}, in the order of the lines."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(r"^## The map\n+```\n(.*?)^```", text, re.M | re.S)
    assert block, "ARCHITECTURE.md has no section “The map” that begins with a block of code."
    found: dict[str, str] = {}
    parents: list[str] = []
    for line in block[1].splitlines():
        entry = re.fullmatch(r"((?:  )*)([\w.-]+)/(?: +(.*))?", line)
        assert entry, f"A line of ARCHITECTURE's map is not “folder/   what it is”: {line!r}"
        parents[len(entry[1]) // 2 :] = [entry[2]]
        found["/".join(parents)] = entry[3] or ""
    return found


def rooms() -> list[str]:
    """Folders with Python in them, down to the deepest that the map shows."""
    folders = {path.parent.relative_to(ROOT) for name in MAPPED for path in (ROOT / name).rglob("*.py")}
    return sorted(
        folder.as_posix() for folder in folders if len(folder.parts) <= DEEPEST + 1 and not LEFT_OUT & set(folder.parts)
    )


def test_each_folder_that_the_map_names_is_there():
    gone = [folder for folder in the_map() if not (ROOT / folder).is_dir()]
    assert not gone, f"ARCHITECTURE's map names folders that are not there: {', '.join(gone)}."


def test_each_room_stands_in_the_map_with_what_it_is():
    said = the_map()
    missing = [room for room in rooms() if room not in said]
    assert not missing, f"ARCHITECTURE's map lacks {', '.join(missing)}: add a line with what it is."
    silent = [folder for folder, words in said.items() if not words]
    assert not silent, f"ARCHITECTURE's map does not say what these are: {', '.join(silent)}."
