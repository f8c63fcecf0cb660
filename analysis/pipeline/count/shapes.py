"""What a protocol counts in: a window's form and size, in µm and mm², never in pixels."""

from dataclasses import dataclass
from math import pi, sqrt

SQUARE, RECTANGLE, CIRCLE, FIELDS = "square", "rectangle", "circle", "fields"
SHAPES = (SQUARE, RECTANGLE, CIRCLE, FIELDS)


@dataclass(frozen=True)
class Shape:
    """kind: one of SHAPES. area_mm2: of the whole window, of all its fields together. aspect: long by short side of a
    rectangle, which is tried both ways. fields: how many circles of `field_um` diameter; touching: each must touch
    another, so that they are one chain or cluster; otherwise they lie anywhere without overlap.
    """

    kind: str
    area_mm2: float
    aspect: float = 1.0
    fields: int = 0
    field_um: float = 0.0
    touching: bool = False

    @property
    def radius_um(self) -> float:
        """Of a circle, or of one field."""
        return self.field_um / 2 if self.kind == FIELDS else 1000 * sqrt(self.area_mm2 / pi)

    @property
    def sides_um(self) -> tuple[float, float]:
        """Long and short side of a square or rectangle."""
        long_um = 1000 * sqrt(self.area_mm2 * self.aspect)
        return long_um, long_um / self.aspect


def fields_of(count: int, field_um: float, touching: bool = False) -> Shape:
    """So many fields of a diameter."""
    return Shape(FIELDS, count * pi * (field_um / 2000) ** 2, fields=count, field_um=field_um, touching=touching)
