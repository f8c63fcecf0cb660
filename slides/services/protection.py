"""Whether this machine can keep a slide file that means harm from everything else."""

from slides.wsi.sandbox import limits


def warn_of_open_files() -> str | None:
    """A sentence for administrators where it cannot."""
    return None if limits.hides_files() else limits.confinement().sentence
