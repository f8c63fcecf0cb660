"""The square that counts in the product are made in."""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class PlainSquare:
    """name: for people, as a noun ("2 mm² square"); area_mm2: of the square that is counted in."""

    name: str
    area_mm2: float

    def sides_l0(self, mpp_x: float, mpp_y: float) -> tuple[float, float]:
        """Width and height of the square in level-0 px of a slide of this pixel size, in µm."""
        side_um = 1000 * sqrt(self.area_mm2)
        return side_um / mpp_x, side_um / mpp_y


PLAIN_SQUARE = PlainSquare("2 mm² square", 2.0)
