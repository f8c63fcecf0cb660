"""Which protocol a case is counted by."""

from analysis.pipeline.count.protocols import PLAIN, Protocol, find_protocol

BY_CASE, BY_TEAM, BY_DEFAULT = "case", "team", "default"


def protocol_of(case) -> Protocol:
    return choose_protocol(case)[0]


def choose_protocol(case) -> tuple[Protocol, str]:
    """The protocol, and who chose it: BY_CASE, BY_TEAM or BY_DEFAULT."""
    return find_protocol(PLAIN), BY_DEFAULT
