"""From a received file to a slide that is ready or refused, with the real reader in its child process."""

import hashlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from mitoweb.lib.jobs.models import Job
from slides import files
from slides.models import ScannerPixelSize, Slide, Upload
from slides.services import derived_files, erase, ingest, uploads
from slides.wsi.deepzoom import zoom_of
from slides.wsi.native import NativeIndex
from tests.factories import CaseFactory, SlideFactory, UploadFactory, small_slide, tissue_pixels, write_tiff

pytestmark = pytest.mark.django_db


@pytest.fixture
def bring(cast, run_jobs):
    """Take a file in and check it: bring(path) -> the upload at its end."""

    def take(path, name=None, case=None, sha256="") -> Upload:
        with path.open("rb") as file:
            size = path.stat().st_size
            upload = uploads.create_upload(cast.tech, case or cast.case, uploads.UploadRequest(name or path.name, size))
            uploads.receive_piece(upload, 0, file, size, sha256=sha256)
        run_jobs("ingest")
        upload.refresh_from_db()
        return upload

    return take


def assert_nothing_was_kept(settings, upload):
    assert upload.state == "refused"
    # The job did its work, and says what came out of it.
    assert (upload.job.state, upload.job.done, upload.job.total) == ("done", 1000, 1000)
    assert (upload.job.outcome, bool(upload.job.message)) == ("duplicate" if upload.duplicate_of else "refused", True)
    assert not (settings.SLIDES_ROOT / files.upload_folder(upload)).exists()
    assert not list(settings.UPLOADS_ROOT.iterdir())


def test_a_slide_becomes_ready_with_what_the_file_says(bring):
    path = small_slide()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    upload = bring(path, sha256=sha256)
    slide = upload.slide
    assert (upload.state, upload.step, slide.state) == ("ready", "overview", "ready")
    assert (slide.width, slide.height, slide.mpp_x, slide.mpp_source) == (1024, 768, 0.25, "file")
    assert (slide.sha256, slide.bytes, slide.label) == (sha256, path.stat().st_size, "Slide 1")
    assert slide.levels == [[1024, 768, 1.0], [512, 384, 2.0], [256, 192, 4.0]]
    assert files.thumbnail_path(slide).read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.svs", b"just some text\n" * 50, "text file"),
        ("page.tif", b"<html><script>alert(1)</script></html>", "web page"),
        ("drawing.png", b"<svg xmlns='x'><script/></svg>", "SVG"),
        ("archive.tif", b"PK\x03\x04" + bytes(100), "zip archive"),
        ("noise.svs", bytes(range(256)) * 40, "unknown kind"),
        ("1.2.3", b"not DICOM", "not a slide"),
    ],
)
def test_what_is_no_slide_is_refused_by_name_and_nothing_is_kept(bring, tmp_path, settings, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    upload = bring(path)
    assert sentence in upload.reason
    assert upload.slide.state == "refused"
    assert_nothing_was_kept(settings, upload)


def test_a_slide_that_was_cut_off_is_refused(bring, tmp_path, settings):
    path = tmp_path / "cut.tif"
    path.write_bytes(small_slide().read_bytes()[:5000])
    upload = bring(path)
    assert upload.reason
    assert_nothing_was_kept(settings, upload)


@pytest.mark.needs_data
@pytest.mark.parametrize("name", ["broken_1.svs", "broken_2.tiff", "broken_3.svs"])
def test_broken_slides_are_refused_in_words(bring, data_dir, settings, name):
    upload = bring(data_dir / "slides" / name)
    assert upload.reason.endswith(".")
    assert_nothing_was_kept(settings, upload)


@pytest.mark.needs_data
def test_a_truncated_svs_is_refused(bring, data_dir, tmp_path, settings):
    path = tmp_path / "cut.svs"
    path.write_bytes((data_dir / "slides" / "CMU-1-Small-Region.svs").read_bytes()[:1_000_000])
    upload = bring(path)
    assert upload.reason
    assert_nothing_was_kept(settings, upload)


def test_a_content_that_is_not_what_the_name_says_is_refused(bring, tmp_path, settings):
    path = tmp_path / "picture.png"
    path.write_bytes(small_slide().read_bytes())
    upload = bring(path)
    assert "ends in .png" in upload.reason
    assert_nothing_was_kept(settings, upload)


def test_a_file_that_changed_on_its_way_is_refused(bring, settings):
    upload = bring(small_slide(), sha256="0" * 64)
    assert "changed on its way" in upload.reason
    assert_nothing_was_kept(settings, upload)


def test_the_same_slide_twice_in_a_case_is_told_and_not_kept(bring, cast, settings):
    first, second = bring(small_slide(), "A1.tif"), bring(small_slide(), "copy.tif")
    assert second.reason == "The same file is in this case already, as another slide."
    assert (second.step, second.slide, second.duplicate_of) == ("already here", None, first.slide)
    assert Slide.objects.count() == 1
    assert_nothing_was_kept(settings, second)
    assert files.slide_paths(first.slide)[0].exists()
    Slide.objects.update(label="B7")
    assert shown_slide(cast, second) == (str(first.slide.pk), "B7", "ready")  # as it is labelled now


def shown_slide(cast, upload) -> tuple[str | None, str | None, str | None]:
    row = cast.as_(cast.tech).get(f"/api/uploads/{upload.pk}/").json()
    return row["slide"], row["slide_label"], row["slide_state"]


@pytest.mark.parametrize("way", ["stopped in its check", "erased when it was ready"])
def test_a_duplicate_tells_when_the_slide_that_it_gave_way_to_is_gone(bring, cast, run_jobs, settings, way):
    """Its bytes were thrown away for the other's, so its sender must learn that they are needed after all."""
    first = bring(small_slide())
    if way == "stopped in its check":
        Upload.objects.update(state="checking", name="A1.tif")
        Slide.objects.update(state="checking")
    second = bring(small_slide(), "copy.tif")
    assert second.duplicate_of == first.slide
    if way == "stopped in its check":
        assert shown_slide(cast, second)[2] == "checking"
        first.refresh_from_db()
        uploads.cancel_upload(cast.tech, first)
        Slide.objects.all().delete()
    else:
        erase.erase_slide(cast.lead, first.slide)
        run_jobs()
    second.refresh_from_db()
    assert (second.state, second.step) == ("refused", "already here")
    assert shown_slide(cast, second) == (None, None, None)
    assert bring(small_slide(), "again.tif").state == "ready"


def test_the_same_slide_in_another_case_is_taken(bring, cast):
    bring(small_slide())
    assert bring(small_slide(), case=CaseFactory(team=cast.team)).state == "ready"


def test_a_refused_file_can_be_sent_again(bring, cast, settings):
    bring(small_slide(), sha256="0" * 64)
    assert bring(small_slide()).state == "ready"


def test_a_slide_of_one_pixel_is_refused(bring, tmp_path, settings):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    upload = bring(tmp_path / "dot.png")
    assert "too small" in upload.reason
    assert_nothing_was_kept(settings, upload)


def test_a_grey_slide_is_taken_with_a_hint(bring, tmp_path):
    upload = bring(write_tiff(tmp_path / "grey.tif", tissue_pixels(512, 512)[..., 0], (0.5, 0.5)))
    assert upload.state == "ready", upload.reason
    assert upload.slide.hints


def test_a_16_bit_slide_is_shown_by_the_bits_in_use_and_says_so(bring, tmp_path, settings):
    deep = tissue_pixels(512, 512).astype(np.uint16) * 200
    upload = bring(write_tiff(tmp_path / "deep.tif", deep, (0.5, 0.5)))
    assert upload.state == Upload.State.READY
    assert any("16 bits per colour" in hint for hint in upload.slide.hints)


def test_a_slide_gets_the_levels_it_lacks_and_an_index_of_its_tiles(bring, tmp_path):
    path = tmp_path / "one.tif"
    tifffile.imwrite(path, tissue_pixels(1500, 1100), tile=(256, 256), photometric="rgb", compression="zlib")
    slide = bring(path).slide
    assert slide.has_made_levels
    assert (slide.tile_overlap, files.levels_path(slide).exists()) == (0, True)
    index = NativeIndex(files.native_path(slide), [*files.slide_paths(slide), files.levels_path(slide)])
    top = len(zoom_of(slide.width, slide.height, slide.tile_size, 0).levels) - 1
    assert index.has(top - 1, 0, 0), "a tile of the first made level is not sent as it is stored"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in files.slide_folder(slide).iterdir()}
    assert set(modes.values()) == {"0o600"}, f"other accounts may read what is of a patient's slide: {modes}"


def test_a_scanners_default_gives_the_pixel_size_that_a_file_lacks(bring, tmp_path, cast):
    path = tmp_path / "scan.tif"
    tifffile.imwrite(
        path, tissue_pixels(512, 512), tile=(256, 256), photometric="rgb", extratags=[(271, 2, 0, "Hamamatsu", True)]
    )
    ScannerPixelSize.objects.create(team=cast.case.team, scanner="Hamamatsu", mpp_x=0.23, mpp_y=0.23)
    slide = bring(path).slide
    assert (slide.scanner, slide.mpp_x, slide.mpp_source) == ("Hamamatsu", 0.23, Slide.MppSource.SCANNER)


@pytest.mark.parametrize("mpp", [None, (1e9, 1e9), (0.001, 0.001)])
def test_a_slide_without_a_believable_pixel_size_is_ready_and_says_so(bring, tmp_path, mpp):
    slide = bring(write_tiff(tmp_path / "x.tif", tissue_pixels(512, 512), mpp)).slide
    assert (slide.state, slide.mpp_x, slide.mpp_y, slide.mpp_source) == ("ready", None, None, "unknown")
    assert any("pixel size" in hint for hint in slide.hints)


def test_pixel_sizes_that_differ_in_x_and_y_are_kept_apart(bring, tmp_path):
    slide = bring(write_tiff(tmp_path / "x.tif", tissue_pixels(512, 512), (0.25, 0.5))).slide
    assert (slide.mpp_x, slide.mpp_y) == pytest.approx((0.25, 0.5), rel=1e-3)
    assert any("not square" in hint for hint in slide.hints)


@pytest.mark.needs_data
def test_dicom_instances_of_one_slide_become_one_slide(cast, run_jobs, data_dir):
    import uuid

    paths = sorted((data_dir / "slides").glob("openslide-python_boxes_?.dcm"))
    bundle = uuid.uuid4()
    for path in paths:
        wanted = uploads.UploadRequest(path.name, path.stat().st_size, bundle=bundle, bundle_files=len(paths))
        with path.open("rb") as file:
            upload = uploads.create_upload(cast.tech, cast.case, wanted)
            uploads.receive_piece(upload, 0, file, path.stat().st_size)
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert (slide.state, slide.format, len(slide.files)) == ("ready", "DICOM", 2)
    assert set(Upload.objects.values_list("state", flat=True)) == {"ready"}


STEPS = [
    (ingest, "hash_files"),
    (ingest, "claim_content"),
    (ingest, "probe"),
    (derived_files, "write_levels"),
    (derived_files, "write_index"),
    (derived_files, "write_overview"),
    (files, "write_for_good"),
    (ingest, "accept_slide"),
    (ingest, "mark_changed"),
]


@pytest.mark.parametrize(("module", "function"), STEPS)
def test_a_check_that_is_stopped_at_any_step_ends_the_same_when_repeated(
    bring, run_jobs, monkeypatch, module, function
):
    """The stop is an error here; `test_kills` ends the process."""

    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as stop:
        stop.setattr(module, function, stopped)
        with pytest.raises(KeyboardInterrupt):
            bring(small_slide())
    Job.objects.update(state="queued", claim=None, lease_until=None)
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert (slide.state, slide.width) == ("ready", 1024)
    assert Upload.objects.get().state == "ready"
    made = {path.name for path in files.slide_folder(slide).iterdir()}
    assert made - {files.LEVELS, files.NATIVE} == {*slide.files, files.THUMBNAIL}


def test_a_check_that_broke_off_keeps_the_file_and_can_be_tried_again(bring, cast, run_jobs, monkeypatch):
    with monkeypatch.context() as stop:
        stop.setattr(ingest, "probe", lambda *args, **kwargs: 1 / 0)
        upload = bring(small_slide())
        for _ in range(2):
            Job.objects.update(not_before=None)
            run_jobs("ingest")
    upload.refresh_from_db()
    assert (upload.state, upload.step) == ("checking", "stopped")
    assert "tried 3 times" in upload.reason
    response = cast.as_(cast.tech).post(f"/api/uploads/{upload.pk}/", {"check_again": True}, "application/json")
    assert (response.status_code, response.json()["step"]) == (200, "received")
    run_jobs("ingest")
    upload.refresh_from_db()
    assert upload.state == "ready", upload.reason
    again = cast.as_(cast.tech).post(f"/api/uploads/{upload.pk}/", {"check_again": True}, "application/json")
    assert again.status_code == 409


def test_putting_a_finished_upload_away_keeps_the_slide(bring, cast, django_capture_on_commit_callbacks):
    upload = bring(small_slide())
    with django_capture_on_commit_callbacks(execute=True):
        cast.as_(cast.tech).delete(f"/api/uploads/{upload.pk}/", headers={"Tus-Resumable": "1.0.0"})
    assert not Upload.objects.exists()
    assert files.slide_paths(Slide.objects.get())[0].exists()


def put_away(cast, upload) -> None:
    answer = cast.as_(cast.tech).delete(f"/api/uploads/{upload.pk}/", headers={"Tus-Resumable": "1.0.0"})
    assert answer.status_code == 204
    assert not Upload.objects.filter(pk=upload.pk).exists()


def test_putting_a_duplicate_away_keeps_the_slide_it_points_at(cast):
    slide = SlideFactory(case=cast.case, state="checking", folder="")
    put_away(
        cast, UploadFactory(case=cast.case, user=cast.tech, state="refused", step="already here", duplicate_of=slide)
    )
    assert Slide.objects.filter(pk=slide.pk).exists(), "a colleague's slide went with a row that only pointed at it"


def test_putting_a_finished_upload_away_keeps_a_slide_that_is_checked_again(cast):
    slide = SlideFactory(case=cast.case, state="checking")
    put_away(cast, UploadFactory(case=cast.case, user=cast.tech, state="ready", step="ready", slide=slide))
    assert Slide.objects.filter(pk=slide.pk).exists()


def test_stopping_a_check_takes_its_slide_along(cast):
    slide = SlideFactory(case=cast.case, state="checking", folder="")
    put_away(cast, UploadFactory(case=cast.case, user=cast.tech, state="checking", slide=slide))
    assert not Slide.objects.filter(pk=slide.pk).exists()


def test_putting_a_refused_upload_away_forgets_it(bring, cast, tmp_path):
    (tmp_path / "x.svs").write_bytes(b"text")
    upload = bring(tmp_path / "x.svs")
    cast.as_(cast.tech).delete(f"/api/uploads/{upload.pk}/", headers={"Tus-Resumable": "1.0.0"})
    assert not Upload.objects.exists()
    assert not Slide.objects.exists()
