"""A protocol with scores, and cases that are counted by it."""

from analysis.pipeline.count.protocols import Cutoff, Protocol
from analysis.pipeline.count.shapes import SQUARE, Shape
from analysis.services import protocols

CUTOFFS = (Cutoff("1", 0), Cutoff("2", 3), Cutoff("3", 6))


def make_protocol(shape: Shape | None = None, **values) -> Protocol:
    found = {"cutoffs": CUTOFFS, "sources": {"cutoffs": "Made in a test."}} | values
    return Protocol("own", "Our own", 3, shape or Shape(SQUARE, 2.0), **found)


def count_all_by(monkeypatch, protocol: Protocol) -> None:
    """Have every case counted by a protocol."""
    choice = protocols.Choice(protocol, protocols.CASE)
    monkeypatch.setattr(protocols, "map_choices", lambda cases: {case.pk: choice for case in cases})
