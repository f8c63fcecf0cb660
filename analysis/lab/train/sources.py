"""What a run trains on and validates on, checked before the first step."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, NUCLEUS, Source, crops, frames, mitos14, tissue
from analysis.lab.datasets.copies import with_copies
from analysis.lab.errors import TrainingRefused
from analysis.lab.train.config import TrainConfig
from analysis.lab.train.runs import log

# Of all images; with more the data are not what was meant, and the run would say nothing.
MAX_UNREADABLE_SHARE = 0.01


def load_sources(config: TrainConfig, data: Path, unreadable: list[Path] | None = None) -> list[Source]:
    """What a configuration trains on, with votes and normalised copies where it asks for them, checked.

    Raises as `load_labelled`.
    """
    sources = load_labelled(data, config.slides, config.crops, unreadable, config.soft_labels, config.tissue)
    if config.disputed:
        sources = [with_disputed(source, config.disputed) for source in sources]
    if config.normalise != "none":
        sources = [with_copies(source, config.normalise) for source in sources]
    return sources


def load_labelled(
    data: Path,
    slides: tuple[str, ...],
    folders: tuple[str, ...],
    unreadable: list[Path] | None = None,
    with_votes: bool = False,
    unlabelled: tuple[str, ...] = (),
) -> list[Source]:
    """Slides, folders of crops and the training halves of folders of unlabelled tissue, checked; `with_votes` adds the
    readers' votes where they are known (midog21).

    Images that cannot be read are left out and added to `unreadable`. Raises TrainingRefused when there are more than
    1 % of them, for a class that is empty, and for pixels that are no numbers; FileNotFoundError where the data lack.
    """
    unreadable = [] if unreadable is None else unreadable
    sources = frames.load_slides(data, slides, unreadable)
    for name in folders:
        sources += crops.load_crops(data, name, with_votes and name == crops.MIDOG21, unreadable)
    sources += [tissue.load_tissue(data, name, unreadable) for name in unlabelled]
    refuse_unreadable(unreadable, sum(len(source.images) for source in sources))
    check_sources(sources)
    return sources


def with_disputed(source: Source, share: float) -> Source:
    """The source with its look-alikes as uncertain as `share` says, where readers are known to differ on them."""
    if source.name not in mitos14.DISPUTED_SLIDES:
        return source
    doubtful = np.full(len(source.points[LOOK_ALIKE]), share, np.float32)
    return replace(source, shares=source.shares | {LOOK_ALIKE: doubtful})


def load_validation(config: TrainConfig, data: Path) -> Source | None:
    """The validation slide as detection would see it, or None where the configuration names none."""
    if not config.validation:
        return None
    (source,) = frames.load_slides(data, (config.validation,))
    check_sources([source])
    return as_detected(source, config)


def as_detected(source: Source, config: TrainConfig) -> Source:
    """A source that is not trained on, normalised where all training windows were."""
    if config.normalise == "none" or config.normalised < 1:
        return source
    normalised = with_copies(source, config.normalise) if not source.copies else source
    return replace(normalised, images=normalised.copies, copies=[])


def refuse_unreadable(unreadable: list[Path], read: int) -> None:
    """Names what could not be read; raises TrainingRefused when it is more than 1 % of all."""
    for path in unreadable:
        log.warning("%s cannot be read and is left out", path)
    if len(unreadable) > MAX_UNREADABLE_SHARE * (read + len(unreadable)):
        names = ", ".join(path.name for path in unreadable[:5]) + (" and more" if len(unreadable) > 5 else "")
        raise TrainingRefused(
            f"{len(unreadable)} of {read + len(unreadable)} images cannot be read ({names}); "
            "more than 1 % is too many to leave out. Copy the data again."
        )


def check_sources(sources: list[Source]) -> None:
    """Raises TrainingRefused for a class without a place, and for pixels that are no numbers or not of 8 bits."""
    for source in sources:
        for number, image in enumerate(source.images):
            if image.dtype != np.uint8:
                file = f" ({source.files[number].name})" if number < len(source.files) else ""
                name = f"image {number} of {source.name}{file}"
                if np.issubdtype(image.dtype, np.floating) and not np.isfinite(image).all():
                    raise TrainingRefused(f"{name} holds pixels that are no numbers; repair it or leave it out.")
                raise TrainingRefused(f"{name} has pixels of type {image.dtype}; 8 bits per channel are needed.")
    names = ", ".join(source.name for source in sources) or "nothing"
    if not any(len(source.points[MITOSIS]) for source in sources):
        raise TrainingRefused(f"{names} has no labelled mitosis, so there is only one class; add slides or crops.")
    for source in sources:
        if len(source.points[MITOSIS]) and not len(source.points[NUCLEUS]) + len(source.points[LOOK_ALIKE]):
            raise TrainingRefused(f"{source.name} has mitoses and nothing else, so there is only one class.")
