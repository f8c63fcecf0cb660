"""Protocols of counting: versioned data, each number with its source.

protocol    what one is, and what it says for a laboratory's own field
reading     from files, with what is wrong in them in words
words       a window and the counts of each score, for people
data/       those that are shipped, one file each
"""

from analysis.pipeline.count.protocols.protocol import (
    Cutoff,
    CutoffRule,
    Protocol,
    ProtocolRefused,
    list_unsourced,
    scale_protocol,
)
from analysis.pipeline.count.protocols.reading import (
    PLAIN,
    find_protocol,
    load_protocols,
    protocol_of,
    read_protocol,
    read_table,
)
from analysis.pipeline.count.protocols.words import describe_shape, list_ranges

__all__ = [
    "PLAIN", "Cutoff", "CutoffRule", "Protocol", "ProtocolRefused", "describe_shape", "find_protocol", "list_ranges",
    "list_unsourced", "load_protocols", "protocol_of", "read_protocol", "read_table", "scale_protocol",
]  # fmt: skip
