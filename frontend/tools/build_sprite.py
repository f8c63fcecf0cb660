"""Builds static/frontend/icons/sprite.svg from Lucide's single icons and the product's own marks.

    npm pack lucide-static@1.62.0 && tar xzf lucide-static-1.62.0.tgz
    python frontend/tools/build_sprite.py package/icons

The names wanted stand in icons.txt, one per line. Only needed when an icon is added.
"""

import re
import sys
from pathlib import Path

ICONS = Path(__file__).resolve().parent.parent / "static" / "frontend" / "icons"

OWN = {
    "brand": '<circle cx="12" cy="12" r="9.5"/>'
    '<path d="M10 6.6c-2.4 2.6-2.4 8.2 0 10.8M14 6.6c2.4 2.6 2.4 8.2 0 10.8"/>',
    "mark-open": '<path d="M3 8V3h5M16 3h5v5M21 16v5h-5M8 21H3v-5"/>',
    "mark-yes": '<circle cx="12" cy="12" r="9"/>',
    "mark-no": '<path d="M12 2 22 12 12 22 2 12Z" stroke-dasharray="4.6 2.4"/>',
    "mark-unsure": '<circle cx="12" cy="12" r="9" stroke-dasharray="2 2.7"/>',
    "mark-below": '<path d="M12 2v5M12 17v5M2 12h5M17 12h5"/>',
    "mark-added": '<circle cx="11" cy="13" r="8.5"/><path d="M19 1.5v7M15.5 5h7"/>',
    "mark-differ": '<path d="M12 3a9 9 0 0 0 0 18"/>'
    '<path class="second" d="m12 2 10 10-10 10" stroke-dasharray="4.6 2.4"/>',
}


def symbol(name: str, body: str) -> str:
    return f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>'


def lucide(folder: Path, name: str) -> str:
    text = (folder / f"{name}.svg").read_text(encoding="utf-8")
    body = re.search(r"<svg[^>]*>(.*)</svg>", text, re.S).group(1)
    return re.sub(r"\s+/>", "/>", re.sub(r"\s*\n\s*", "", body))


def main(folder: Path) -> None:
    names = (ICONS / "icons.txt").read_text(encoding="utf-8").split()
    symbols = [symbol(n, b) for n, b in OWN.items()] + [symbol(n, lucide(folder, n)) for n in names]
    head = '<svg xmlns="http://www.w3.org/2000/svg">'
    lines = [head, "<!-- Lucide 1.62.0, ISC (LICENSE-lucide); brand and marks are MitoWeb's own -->"]
    (ICONS / "sprite.svg").write_text("\n".join([*lines, *symbols, "</svg>"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
