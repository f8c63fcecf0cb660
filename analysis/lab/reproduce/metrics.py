"""A metric by its name: `file/key/key`, from the JSON files of a folder, the model's card, and what others published.

    metrics = Metrics.at(folder, card)
    metrics.get("development/detection/f1")     # 0.7034
    metrics.text("development/detection/f1|.2f")     # "0.70"

`card` is the model's card; `published`, `goals` and `looks` (at H05) lie beside this module and are kept by hand, with
their sources.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.pipeline.errors import PipelineRefused

HERE = Path(__file__).parent
BY_HAND = ("published", "goals", "looks")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Metrics:
    """Contents of all files by name."""

    files: dict[str, Any]

    @classmethod
    def at(cls, folder: Path, card: Path | None = None) -> "Metrics":
        """Reads every JSON file of a folder, and the card where there is one. Raises PipelineRefused, naming the file,
        where one is no JSON.
        """
        paths = {path.stem: path for path in sorted(folder.glob("*.json"))}
        paths |= {name: HERE / f"{name}.json" for name in BY_HAND}
        if card is not None and card.is_file():
            paths["card"] = card
        files = {}
        for name, path in paths.items():
            try:
                files[name] = json.loads(path.read_bytes())
            except (ValueError, RecursionError) as error:
                raise PipelineRefused(f"{path} is no JSON: {error}.") from error
        return cls(files)

    def get(self, name: str) -> Any:
        """The metric, or None where its file or key is missing."""
        found: Any = self.files
        for key in name.split("/"):
            if isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                return None
        return found

    def text(self, name: str) -> str:
        """The metric as it is written: `name|format`, the format being Python's."""
        path, _, form = name.partition("|")
        return metric_in_words(self.get(path), form)


def metric_in_words(value: Any, form: str = "") -> str:
    """A value in a Python format; `not measured` for None."""
    if value is None:
        return NOT_MEASURED
    try:
        return format(value, form)
    except (TypeError, ValueError) as error:
        raise PipelineRefused(f"{value!r} cannot be written as {form!r}.") from error
