"""XML out of a slide's file, which anybody may have written: parsed, never searched by pattern, and with limits.

A document type is refused: it is what entities that grow without end and entities from other files need.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

MAX_CHARS = 16 * 2**20
MAX_ELEMENTS, MAX_DEPTH = 500_000, 64  # an OME-XML of a plate has tens of thousands, ten deep


class XmlRefused(ValueError):
    """Text that is no XML."""


class UnsafeXml(XmlRefused):
    """XML that could harm who parses it."""


def parse_xml(text: str) -> ET.Element:
    """The root of a document. Raises XmlRefused, UnsafeXml."""
    if len(text) > MAX_CHARS:
        raise UnsafeXml("too long")
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(text)
        root: ET.Element = parser.close()
    except DefusedXmlException as error:
        raise UnsafeXml(str(error)) from None
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise XmlRefused(str(error)) from None
    return root


def plain_name(name: str) -> str:
    """A tag's or an attribute's name without its namespace."""
    return name.rpartition("}")[2]


class _BoundedBuilder(ET.TreeBuilder):
    """Stops a document that would fill the memory, or the stack of whoever walks over it."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """See `ET.TreeBuilder`."""
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise UnsafeXml("too deep" if self._depth > MAX_DEPTH else "too many elements")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        """See `ET.TreeBuilder`."""
        self._depth -= 1
        return super().end(tag)
