"""What a maker's working copies keep beside what every TIFF keeps."""

from __future__ import annotations

from slides.wsi.formats.tiff.directories import Entry, Tiff
from slides.wsi.formats.tiff.kept_pages import Chosen
from slides.wsi.formats.tiff.words import Words


class CopyRules:
    """One file's way into its working copy.

    method: a word for it. own_words: texts that the rules write themselves, so that words in them are not looked for.
    """

    method: str
    own_words: tuple[str, ...] = ()

    def choose(self, tiff: Tiff) -> Chosen:
        """Which directories are the scan, and in words what the other main ones are."""
        raise NotImplementedError

    def description(self, text: str, is_first: bool) -> Words | None:
        """What the description of a kept directory says in the copy; None where it goes, if there is one.

        text: what it says, "" where there is none. is_first: whether the directory is the first of the scan.
        """
        return None

    def kept_text(self, entry: Entry) -> Words | None:
        """What another tag of text may still say; None where the rules know nothing of it."""
        return None

    def dropped_text(self, entry: Entry) -> Words | None:
        """Of a text in a dropped directory, the words to look for in the copy; None takes all of it."""
        return None
