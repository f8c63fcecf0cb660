"""Metrics in a Markdown text, each between two marks that do not show:

    F1 <!-- figure:development/detection/f1|.2f -->0.70<!-- end -->
    <!-- table:goals -->
    | ... |
    <!-- end -->

What stands between the marks is written anew from the files; everything else is left as it is.
"""

import re

from analysis.lab.reproduce.metrics import NOT_MEASURED, Metrics
from analysis.lab.reproduce.tables import TABLES
from analysis.pipeline.errors import PipelineRefused

MARK = re.compile(r"<!-- (figure|table):([^>]*?) -->(.*?)<!-- end -->", re.DOTALL)
OPENING = re.compile(r"<!-- (?:figure|table):")


def render_document(text: str, metrics: Metrics) -> tuple[str, list[str]]:
    """The text with every metric and table as the files have it, and the names of the metrics that are missing.

    Raises PipelineRefused for a table that there is not, and for a mark that is not closed.
    """
    if len(OPENING.findall(text)) != len(MARK.findall(text)):
        raise PipelineRefused("A figure or table in the text has no <!-- end -->.")
    missing: list[str] = []

    def written(found: re.Match) -> str:
        kind, name, _ = found.groups()
        if kind == "table" and name not in TABLES:
            raise PipelineRefused(f"There is no table {name}; there are {', '.join(TABLES)}.")
        inside = metrics.text(name) if kind == "figure" else f"\n{TABLES[name](metrics)}\n"
        if NOT_MEASURED in inside:
            missing.append(name)
        return f"<!-- {kind}:{name} -->{inside}<!-- end -->"

    return MARK.sub(written, text), missing
