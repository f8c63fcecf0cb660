"""What can be wrong with a search."""

from analysis.pipeline.errors import PipelineRefused


class SearchRefused(PipelineRefused):
    """Points, weights, pixel size, outlines or a shape that mean nothing."""

    code = "search"


class SearchTooLong(PipelineRefused):
    """The time limit passed before the best region was proven."""

    code = "search_too_long"

    def __init__(self) -> None:
        super().__init__("The best region was not found within the time limit; nothing was counted.")
