"""What is finished of a long benchmark: a JSON file for each part, so that a kill costs the part that it fell into."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused

Say = Callable[[str], object]


class Parts:
    """The parts of one benchmark, in the order in which they were made. `settings` decide what they hold: a folder that
    was begun with others is refused.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], say: Say) -> None:
        self.folder, self.say = folder, say
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        path, wanted = folder / "settings.json", json.loads(json.dumps(settings))
        if path.exists() and json.loads(path.read_text()) != wanted:
            raise PipelineRefused(f"{folder} was begun with other settings; move it away, or give another --out.")
        write_atomically(path, json.dumps(wanted, indent=1).encode())

    def once(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` gives, JSON-able, with its `seconds`; read where the part is finished."""
        path = self.folder / "parts" / f"{name}.json"
        if path.exists():
            self.say(f"{name}: finished before")
            return json.loads(path.read_text())
        self.say(f"{name}: begins")
        started = time.monotonic()
        found = make()
        found |= {"seconds": round(time.monotonic() - started, 1)}
        write_atomically(path, json.dumps(found, indent=1, allow_nan=False).encode())
        # As a resumed run will read it.
        return json.loads(path.read_text())

    def seconds(self) -> float:
        """Of all finished parts; what a kill threw away is not in it."""
        found = (json.loads(path.read_text())["seconds"] for path in (self.folder / "parts").glob("*.json"))
        return round(sum(found), 1)
