"""The job of an analysis: real slide, real network with random weights, everything in this process."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image

from analysis import tasks
from analysis.models import Activation, Analysis, Explanation
from analysis.services import explanations, model_versions, results, runs
from mitoweb.lib.jobs import core
from slides.files import slide_paths
from tests.analysis.makers import model_with_network, network_file
from tests.factories import RegionFactory, SlideFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture(autouse=True)
def short_strip(monkeypatch):
    """Grad-CAM takes most of the time of these tests."""
    monkeypatch.setattr(explanations, "STRIP", 5)


@pytest.fixture
def slide(nine_tiles):
    return SlideFactory(file=nine_tiles)


def fresh(analysis: Analysis) -> Analysis:
    return Analysis.objects.with_facts().get(pk=analysis.pk)


def found(analysis: Analysis) -> list[tuple]:
    """All that was found, as it can be compared between runs."""
    return list(analysis.detections.values_list("number", "tile_index", "x_l0", "y_l0", "probability", "mitosis"))


def proposed(analysis: Analysis) -> list[tuple]:
    return list(analysis.tiles_done.order_by("index").values_list("index", "candidates"))


@pytest.fixture
def stop_after_tiles(monkeypatch, user):
    """stop_after_tiles(3): whoever runs next is cancelled in the transaction that stores the third tile."""

    def prepare(count: int) -> None:
        keep_tile, kept = results.keep_tile, []

        def keep_and_cancel(analysis_id, *args) -> None:
            keep_tile(analysis_id, *args)
            kept.append(analysis_id)
            if len(kept) == count:
                runs.cancel_analysis(fresh(Analysis(pk=analysis_id)), user)
                monkeypatch.setattr(results, "keep_tile", keep_tile)

        monkeypatch.setattr(core, "BEAT_EVERY_S", 0)
        monkeypatch.setattr(results, "keep_tile", keep_and_cancel)

    return prepare


def test_the_job_stores_what_the_pipeline_finds(slide, user, run_jobs):
    from analysis.pipeline.cards.store import load_model
    from analysis.pipeline.plan import Settings, plan_work
    from analysis.pipeline.run import Detector
    from slides.wsi.reader import open_slide

    model_with_network()
    analysis = runs.start_analysis(slide, user)
    assert run_jobs("compute") == 2  # the analysis, and what follows
    analysis = fresh(analysis)
    assert (runs.analysis_state(analysis), analysis.job.message, analysis.job.log) == ("done", "", "")

    model, how = load_model(network_file()[0]), Settings(0.25, 0.25, threshold=analysis.threshold, tile_px=1024)
    with open_slide(slide_paths(slide)) as reader:
        work, detector = plan_work(reader, how, model.card), Detector(model, how)
        tiles = [detector.detect_tile(reader, work, tile) for tile in work.tiles]
    expected = [(row.x_l0, row.y_l0, row.probability, row.mitosis) for tile in tiles for row in tile.detections]
    assert len(expected) > 20
    assert [row[2:] for row in found(analysis)] == expected
    assert [row[0] for row in found(analysis)] == list(range(1, len(expected) + 1))
    assert analysis.detection_count == len(expected)
    assert analysis.candidates == sum(len(tile.candidates_l0) for tile in tiles)
    assert analysis.area_mm2 == work.area_mm2 > 0
    assert (analysis.tiles, analysis.job.done, analysis.job.total) == (len(work.tiles),) * 3
    assert analysis.device == detector.device
    assert analysis.seconds > 0


def test_revisions_let_a_viewer_see_tiles_arrive(slide, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    run_jobs("compute")
    by_revision = analysis.detections.order_by("number").values_list("revision", "tile_index").distinct()
    assert len({revision for revision, _ in by_revision}) == len({tile for _, tile in by_revision}) > 1
    assert fresh(analysis).revision >= max(revision for revision, _ in by_revision)


def test_a_cancelled_analysis_goes_on_and_finds_what_it_would_have_found(slide, user, run_jobs, stop_after_tiles):
    model_with_network()
    whole = runs.start_analysis(slide, user)
    run_jobs("compute")

    broken = runs.start_analysis(slide, user)
    stop_after_tiles(3)
    run_jobs("compute")
    assert runs.analysis_state(fresh(broken)) == "cancelled"
    assert broken.tiles_done.count() == 3
    assert found(broken) == found(whole)[: broken.detections.count()]

    runs.retry_analysis(fresh(broken), user)
    run_jobs("compute")
    assert runs.analysis_state(fresh(broken)) == "done"
    assert found(broken) == found(whole)
    assert proposed(broken) == proposed(whole)
    assert fresh(broken).candidates == fresh(whole).candidates


def test_what_was_begun_in_one_number_format_and_size_of_tiles_goes_on_in_them(
    slide, user, run_jobs, stop_after_tiles, settings
):
    model_with_network()
    settings.DEVICE = "cpu:float32"
    whole = runs.start_analysis(slide, user)
    run_jobs("compute")
    broken = runs.start_analysis(slide, user)
    stop_after_tiles(3)
    run_jobs("compute")

    settings.DEVICE, settings.TILE_PX = "auto", 2048
    Analysis.objects.filter(pk=broken.pk).update(tile_px=None)  # as an earlier version left it
    runs.retry_analysis(fresh(broken), user)
    run_jobs("compute")
    assert fresh(broken).device == fresh(whole).device
    assert fresh(broken).device.endswith("float32")
    assert found(broken) == found(whole)


@pytest.mark.parametrize("begun_in", ["float32", "bfloat16", "OpenVINO float32", "OpenVINO bfloat16", "OpenVINO int8"])
def test_every_number_format_is_gone_on_in(begun_in, settings):
    settings.DEVICE = "auto"
    device = tasks._choose_device(Analysis(device=f"CPU, 2 threads, {begun_in}"))
    assert device == "cpu:" + begun_in.lower().replace(" ", "-")


def test_a_model_activated_in_the_middle_changes_nothing(slide, user, run_jobs, stop_after_tiles):
    first = model_with_network(1)
    whole = runs.start_analysis(slide, user)
    run_jobs("compute")
    analysis = runs.start_analysis(slide, user)
    stop_after_tiles(2)
    run_jobs("compute")

    second = model_with_network(2)
    Activation.objects.create(model=second, reason="better", approved=timezone.now())
    assert model_versions.find_active_model(slide.case.team) == second
    runs.retry_analysis(fresh(analysis), user)
    run_jobs("compute")
    analysis = fresh(analysis)
    assert (analysis.model, analysis.model_sha256) == (first, first.sha256)
    assert found(analysis) == found(whole)

    newest = runs.start_analysis(slide, user)
    run_jobs("compute")
    assert fresh(newest).model_sha256 == second.sha256
    assert found(newest) != found(whole)


def test_a_tile_stored_twice_counts_once(slide, user):
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    spot = type("Spot", (), {"x_l0": 5.0, "y_l0": 6.0, "probability": 0.7, "mitosis": True})
    for _ in range(2):
        results.keep_tile(analysis.pk, 4, [(5.0, 6.0), (7.0, 8.0)], [spot], 0.5)
    assert found(analysis) == [(1, 4, 5.0, 6.0, 0.7, True)]
    analysis = fresh(analysis)
    assert (analysis.candidates, analysis.seconds) == (2, 0.5)


def test_only_the_region_is_analysed(slide, user, run_jobs):
    model_with_network()
    region = RegionFactory(slide=slide, polygon=[[600, 500], [1500, 500], [1500, 1400], [600, 1400]])
    analysis = runs.start_analysis(slide, user, region=region)
    run_jobs("compute")
    analysis = fresh(analysis)
    assert 0 < analysis.area_mm2 <= 900 * 900 * 0.25**2 * 1e-6
    places = list(analysis.detections.values_list("x_l0", "y_l0"))
    assert places
    assert all(600 <= x <= 1500 and 500 <= y <= 1400 for x, y in places)


def test_the_grid_mode_scores_the_papers_patches(slide, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(slide, user, mode="grid")
    run_jobs("compute")
    places = list(analysis.detections.values_list("x_l0", "y_l0"))
    assert places
    assert all((x % 100, y % 100) == (50, 50) for x, y in places)


def test_a_slide_without_tissue_is_done_and_says_so(bare_glass, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(SlideFactory(file=bare_glass), user)
    run_jobs("compute")
    analysis = fresh(analysis)
    assert (runs.analysis_state(analysis), analysis.area_mm2, analysis.tiles) == ("done", 0, 0)
    assert runs.analysis_message(analysis).startswith("No tissue was found on the slide")
    assert not analysis.detections.exists()


def failure(analysis: Analysis, run_jobs) -> str:
    """The sentence a failed job leaves; it may not have been tried twice, and its log is kept."""
    run_jobs("compute")
    job = fresh(analysis).job
    assert (job.state, job.attempts) == ("failed", 1)
    assert "JobFailed" in job.log
    assert str(settings.VAR_DIR) not in job.message
    return job.message


def test_a_missing_slide_file_is_named(slide, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    slide_paths(slide)[0].unlink()
    assert failure(analysis, run_jobs) == "The slide's file is missing on the server; upload the slide again."


def test_a_slide_that_cannot_be_opened_any_more_is_a_sentence(slide, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    slide_paths(slide)[0].write_bytes(b"not a slide" * 100)
    assert failure(analysis, run_jobs).startswith("The slide could not be read: ")


def test_a_tile_that_cannot_be_decoded_is_a_sentence_and_keeps_the_tiles_before(slide, user, run_jobs, monkeypatch):
    """Zeroes in the middle of the pixel data: the slide opens, a tile further down does not decode."""
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    path = slide_paths(slide)[0]
    _break_last_tiles(path)
    assert "could not be read" in failure(analysis, run_jobs)
    assert 0 < analysis.tiles_done.count() < fresh(analysis).tiles


def _break_last_tiles(path: Path) -> None:
    """Overwrite the compressed data of the full-size level's lower rows."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    with path.open("r+b") as file:
        for offset, count in places[len(places) * 2 // 3 :]:
            file.seek(offset)
            file.write(b"\xff" * count)


def test_weights_that_were_altered_are_not_used(slide, user, run_jobs):
    path, written = network_file(3)
    model_with_network(3)
    analysis = runs.start_analysis(slide, user)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        sentence = failure(analysis, run_jobs)
    finally:
        path.write_bytes(whole)
    assert sentence.startswith(f"The weights of {written['name']} are missing or altered")


def test_a_card_that_was_altered_is_not_used(slide, user, run_jobs):
    path, written = network_file(3)
    model_with_network(3)
    analysis = runs.start_analysis(slide, user)
    card = path.with_suffix(".json")
    whole = card.read_text()
    card.write_text(json.dumps(json.loads(whole) | {"calibration": {"temperature": 1.0, "bias": 3.0}}))
    try:
        sentence = failure(analysis, run_jobs)
    finally:
        card.write_text(whole)
    assert sentence.startswith(f"The card of {written['name']} was altered")


def test_a_deleted_analysis_fails_its_job_with_a_sentence(slide, user, run_jobs):
    model_with_network()
    job = runs.start_analysis(slide, user).job
    Analysis.objects.all().delete()
    run_jobs("compute")
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "What this job was for has been deleted.")


def test_calls_and_the_strip_below_are_explained(slide, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    run_jobs("compute")
    explained = analysis.detections.filter(explanation__isnull=False)
    assert explained.filter(mitosis=True).count() == analysis.detections.filter(mitosis=True).count() > 0
    strip = analysis.detections.filter(mitosis=False, probability__gte=analysis.threshold / 2)
    assert explained.filter(mitosis=False).count() == min(explanations.STRIP, strip.count())
    kept = Explanation.objects.filter(detection__analysis=analysis)
    maps = [Image.open(io.BytesIO(png)) for row in kept for png in (row.mitosis_png, row.other_png)]
    assert {(image.size, image.mode) for image in maps} == {((100, 100), "L")}
    assert any(image.getextrema() == (0, 255) for image in maps)
