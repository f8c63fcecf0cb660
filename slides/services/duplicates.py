"""Is this file here already? Asked before it is sent, by its hash; answered from the slides that the person may see."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from slides.models import Case, Slide


@dataclass(frozen=True)
class DuplicateSearch:
    """possible: a slide of this length is here, so the hash is worth working out. slide: the one with the same hash."""

    possible: bool
    slide: Slide | None = None


def find_duplicate(by, case: Case, length: int, sha256: str = "") -> DuplicateSearch:
    """length: bytes of all files of the slide. A slide of the same case comes before those of others."""
    same = Slide.objects.visible_to(by).filter(bytes=length).exclude(state=Slide.State.REFUSED)
    if not sha256:
        return DuplicateSearch(same.exists())
    found = sorted(same.filter(sha256=sha256).select_related("case"), key=lambda slide: slide.case_id != case.pk)
    return DuplicateSearch(bool(found), found[0] if found else None)


def content_hash(hashes: Sequence[str]) -> str:
    """The hash by which a slide is known: its file's, of several the sha256 of their sorted ones."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()
