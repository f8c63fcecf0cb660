"""Where a mitosis could be: proposers, each for a mode of analysis, behind one interface.

    interface          a piece of a slide, what is proposed on it, and what a proposer is
    grid               the paper's grid of patches
    darkest            the darkest nuclei, to compare
    finder             places from a small fully convolutional network (`networks.finder`)
    first_stage        that network's maps, in pieces without seams
    finder_geometry    sizes of its map
    whole_image        places from a network that looks at whole images, and scores what it names

The finder replaces darkness and a cap, which lose mitoses in lymphocyte-rich tissue. Its threshold is set for recall
and it has no cap. What it finds is scored by the patch classifier, whose probability is the only one people see.
"""

from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import PATCH_CLASSIFIER, find_network
from analysis.pipeline.proposers import grid
from analysis.pipeline.proposers.darkest import DarkestProposer
from analysis.pipeline.proposers.finder import FinderProposer
from analysis.pipeline.proposers.grid import GridProposer
from analysis.pipeline.proposers.interface import FirstStage, Piece, Proposals, Proposer
from analysis.pipeline.proposers.whole_image import LARGEST_IMAGE_PX, FindPlaces, WholeImageProposer

__all__ = ["MODES", "FirstStage", "Piece", "Proposals", "Proposer", "pick_proposer", "tile_side_px"]

# `candidates`: places from the model's finder, or as `haematoxylin` where it has none; `grid`: the paper's.
MODES = ("candidates", "haematoxylin", "grid")


def pick_proposer(mode: str, card: Card, first_stage: FirstStage, find_places: FindPlaces | None = None) -> Proposer:
    """The proposer of a mode for a model with this card; `find_places` is that of a network that looks at whole
    images. Raises PipelineRefused for a mode that such a network has not.
    """
    if find_places is not None:
        if mode != "candidates":
            raise PipelineRefused(f"{card.architecture} looks at whole images by itself, so it has no mode {mode}.")
        return WholeImageProposer(find_places)
    if mode == "grid":
        return GridProposer(card.patch_px, first_stage)
    if mode == "candidates" and card.finder is not None:
        return FinderProposer(card.finder, first_stage)
    return DarkestProposer(first_stage)


def tile_side_px(mode: str, card: Card, wanted_px: int) -> int:
    """How large tiles are, in model px: as wanted, but of whole patches where those are laid side by side, and no
    larger than images that a network looks at as a whole.
    """
    if mode == "grid":
        return grid.TILE_PATCHES * card.patch_px
    looks_at_images = find_network(card.architecture).kind != PATCH_CLASSIFIER
    return min(wanted_px, LARGEST_IMAGE_PX) if looks_at_images else wanted_px
