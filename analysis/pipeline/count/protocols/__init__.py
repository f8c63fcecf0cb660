"""Protocols of counting: versioned data, each number with its source.

protocol    what one is, and what it says for a laboratory's own field
reading     from files, with what is wrong in them in words
data/       those that are shipped, one file each
"""

from analysis.pipeline.count.protocols.protocol import Cutoff, CutoffRule, Protocol, ProtocolRefused, scale_protocol
from analysis.pipeline.count.protocols.reading import PLAIN, find_protocol, load_protocols, protocol_of, read_protocol

__all__ = [
    "PLAIN", "Cutoff", "CutoffRule", "Protocol", "ProtocolRefused", "find_protocol", "load_protocols", "protocol_of",
    "read_protocol", "scale_protocol",
]  # fmt: skip
