"""Cells of text tables, whatever program wrote them."""

SEPARATORS = (",", ";", "\t")


def separator_of(text: str) -> str:
    """The separator that the first line with any content holds most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=first.count)


def number_of(cell: str) -> float | None:
    """The number in a cell; a decimal comma counts as a point. None for text and for nothing; may be nan or inf."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        return float(cell.replace(",", ".", 1))
    except ValueError:
        return None
