"""Jobs of this app."""

from mitoweb.lib.jobs import core, periodic
from slides.services import erase, ingest, sweep


# Levels of the largest slides take hours on a slow disk; the lease is kept by each band of rows.
@core.handler("slide.check", lane="ingest", lease_s=400, wall_s=6 * 3600, on_end=ingest.note_broken_off)
def check_slide(run: core.Run) -> None:
    ingest.check_slide(run)


@core.handler(erase.ERASE, lane="erase", lease_s=120, wall_s=3600)
def erase_slides(run: core.Run) -> None:
    erase.finish_erasure(run)


@core.handler("uploads.sweep", lane="ingest", lease_s=120, wall_s=600)
def sweep_uploads(run: core.Run) -> None:
    sweep.sweep_leftovers()


# Sealed originals and uploads end at their time, also where nobody uploads any more.
periodic.register("uploads.sweep", every_s=3600)
