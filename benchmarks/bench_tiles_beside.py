"""How much 32 viewers and an analysis slow each other (part `beside` of the tile benchmark, a few minutes)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench_tiles_load import Site, at_their_pace
from benchmarks.bench_tiles_product import PROJECT_ROOT, Product

WORK = "import django; django.setup(); from mitoweb.lib.jobs.child import run_queued; run_queued()"
ANALYSIS_WITHIN_S = 900


def measure_beside(product: Product, slide: object, viewed: list, cache_bytes: int) -> dict:
    """Seconds of an analysis alone and beside viewers, 95th percentile of their tiles alone and beside it."""
    began = time.perf_counter()
    start_analysis(product, slide).wait(ANALYSIS_WITHIN_S)
    alone_s = time.perf_counter() - began
    with product.serve(cache_bytes) as server:
        site = Site(server.port, product.headers)
        at_their_pace(site, viewed[:2])
        viewers_alone = at_their_pace(site, viewed)
        began = time.perf_counter()
        work = start_analysis(product, slide)
        viewers_beside = at_their_pace(site, viewed)
        turns = 1
        while work.poll() is None:
            at_their_pace(site, viewed)
            turns += 1
        beside_s = time.perf_counter() - began
    return {
        "who": "MitoWeb", "slide": "", "kind": "beside", "viewer_turns": turns,
        "analysis_s": [round(alone_s, 1), round(beside_s, 1)],
        "viewers_p95_s": [round(viewers_alone.p95_s, 4), round(viewers_beside.p95_s, 4)],
        "failed": viewers_alone.failed + viewers_beside.failed,
    }  # fmt: skip


def start_analysis(product: Product, slide: object) -> subprocess.Popen:
    """An analysis of the whole slide in a process of its own."""
    from django.core.management import call_command

    from analysis.models import ModelVersion
    from analysis.services import runs

    call_command("register_models", verbosity=0)
    model = ModelVersion.objects.filter(shipped=True).order_by("-pk").first()
    runs.start_analysis(slide, product.reader, model=model)
    return subprocess.Popen([sys.executable, "-c", WORK], cwd=Path(PROJECT_ROOT), stderr=subprocess.DEVNULL)
