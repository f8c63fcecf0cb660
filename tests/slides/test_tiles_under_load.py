"""A minute of 32 viewers at their pace while an analysis runs: no request fails, and the analysis gets on."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from analysis.models import Analysis
from benchmarks.bench_tiles_load import Site, at_their_pace
from benchmarks.bench_tiles_slides import Grid
from mitoweb.lib.jobs.models import Job
from slides import files
from slides.demo.pyramid import write_pyramid
from slides.tiles import pictures
from slides.wsi import native
from tests.analysis.makers import make_analysis
from tests.factories import CaseFactory, SlideFactory, TeamFactory, member, tissue_pixels
from tests.live import LiveServer

VIEWERS = 32
TWICE = 2  # the way takes half a minute


@pytest.fixture
def slide(tmp_path, settings):
    settings.SLIDES_ROOT, settings.UPLOADS_ROOT = tmp_path / "slides", tmp_path / "uploads"
    write_pyramid(tmp_path / "large.tif", tissue_pixels(6000, 5000), 0.25, 85)
    team = TeamFactory()
    slide = SlideFactory(case=CaseFactory(team=team), file=tmp_path / "large.tif", tile_size=256, tile_overlap=0)
    assert native.write_index(files.slide_paths(slide), files.native_path(slide))
    return slide


def ways(slide) -> list[list[tuple[float, list[str]]]]:
    """32 ways over different parts of the slide, each gone twice."""
    form = f"/api/slides/{slide.pk}/image_files/{{level}}/{{column}}_{{row}}.jpeg"
    grid = Grid(pictures.get_geometry(slide), form)
    one = [grid.replay_way(0.3 * (viewer % 8) / 8, 0.3 * (viewer // 8) / 4) for viewer in range(VIEWERS)]
    length = max(second for steps in one for second, _ in steps) + 1
    return [[(second + turn * length, paths) for turn in range(TWICE) for second, paths in steps] for steps in one]


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_no_tile_fails_for_32_viewers_while_an_analysis_runs(slide, client):
    client.force_login(member(slide.case.team, "reader"))
    call_command("register_models", verbosity=0)
    analysis = make_analysis(slide, Job.State.QUEUED)
    with LiveServer() as server:
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        work = start_work()
        result = at_their_pace(Site(server.port, f"Cookie: {cookie}\r\n"), ways(slide))
    assert result.failed == 0
    assert len(result.latency_s) > VIEWERS * 100
    assert work.wait(600) == 0
    assert Analysis.objects.get(pk=analysis.pk).job.state == Job.State.DONE


def start_work() -> subprocess.Popen:
    """What is queued, run in a process beside the server's."""
    code = "import django; django.setup(); from mitoweb.lib.jobs.child import run_queued; run_queued()"
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "MITOWEB_SLIDES": str(django_settings.SLIDES_ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | environment, cwd=django_settings.BASE_DIR)
