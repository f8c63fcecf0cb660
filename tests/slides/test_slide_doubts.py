"""What is asked about a slide, from the check to the answer and back, with everybody's rights."""

import pytest

from mitoweb.people.models import AuditEntry
from slides.models import Case, Slide
from slides.services import doubts, uploads
from slides.wsi.metadata import Level, SlideInfo
from tests.factories import SlideFactory, tissue_pixels, write_tiff

JSON = {"content_type": "application/json"}
ASKED = {"code": "pixel_size_out_of_range", "text": "The file says 0.025 µm/px.", "answer": None}
REDUCED = {"code": "base_level_missing", "text": "It seems that the full resolution is missing.", "answer": None}


@pytest.fixture
def slide(cast):
    return SlideFactory(
        case=cast.case, mpp_x=0.025, mpp_y=0.025, mpp_source="file", doubts=[dict(ASKED), dict(REDUCED)]
    )


def say(cast, slide, who=None, **said):
    return cast.as_(who or cast.tech).post(f"/api/slides/{slide.pk}/doubts/", said, **JSON)


def answers(slide) -> list[str]:
    slide.refresh_from_db()
    return [doubts.describe_answer(doubt) for doubt in slide.doubts]


def test_the_check_asks_about_a_size_ten_times_off_and_keeps_what_the_file_says(cast, run_jobs, tmp_path):
    path = write_tiff(tmp_path / "x.tif", tissue_pixels(256, 256), (0.025, 0.025), factors=(1,))
    with path.open("rb") as file:
        size = path.stat().st_size
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest("x.tif", size))
        uploads.receive_piece(upload, 0, file, size, sha256="")
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert (slide.state, slide.mpp_source, round(slide.mpp_x, 4)) == ("ready", "file", 0.025)
    (asked,) = cast.as_(cast.observer).get(f"/api/slides/{slide.pk}/").json()["doubts"]
    assert (asked["code"], asked["answer"]) == ("pixel_size_out_of_range", "")
    assert asked["text"] == "The file says 0.025 µm/px; scans of slides have 0.08 to 2 µm/px."
    assert Case.objects.needing_help().get() == cast.case


def test_an_answer_is_kept_with_its_name_audited_and_can_be_taken_back(cast, slide):
    assert Slide.objects.needing_help().exists()
    answer = say(cast, slide, answer="as_told")
    assert answer.status_code == 200
    assert {doubt["answer"] for doubt in answer.json()["doubts"]} == {f"used as the file says, by {cast.tech.username}"}
    assert not Slide.objects.needing_help().exists()
    assert say(cast, slide, answer="as_told").json()["code"] == "nothing_asked"
    assert say(cast, slide, answer="ask_again", who=cast.lead).status_code == 200
    assert answers(slide) == ["", ""]
    assert say(cast, slide, answer="ask_again").status_code == 409
    entries = AuditEntry.objects.filter(action="slide.doubts", subject=f"slide {slide.pk}").order_by("pk")
    assert [entry.actor for entry in entries] == [cast.tech, cast.lead]
    assert "pixel size out of range, base level missing" in entries[0].text


def test_a_question_can_be_answered_alone(cast, slide):
    assert say(cast, slide, answer="as_told", codes=["base_level_missing"]).status_code == 200
    assert answers(slide) == ["", f"used as the file says, by {cast.tech.username}"]


@pytest.mark.parametrize("first", ["", "as_told"])
def test_another_pixel_size_answers_what_is_asked_about_the_files_and_goes_with_the_answer(cast, slide, first):
    if first:
        say(cast, slide, answer=first, codes=["pixel_size_out_of_range"])
    for mpp in (0.25, 0.24):
        change = cast.as_(cast.tech).patch(f"/api/slides/{slide.pk}/", {"mpp_x": mpp}, **JSON)
        assert change.status_code == 200
    assert answers(slide) == [f"answered by another pixel size, by {cast.tech.username}", ""]
    say(cast, slide, answer="ask_again")
    assert answers(slide) == ["", ""]
    assert (slide.mpp_x, slide.mpp_y, slide.mpp_source, slide.mpp_note) == (0.025, 0.025, "file", "")


@pytest.mark.parametrize(
    ("who", "status"), [("tech", 200), ("lead", 200), ("reader", 403), ("observer", 403), ("stranger", 404)]
)
def test_who_sets_pixel_sizes_answers(cast, slide, who, status):
    assert say(cast, slide, who=getattr(cast, who), answer="as_told").status_code == status
    assert (answers(slide) == ["", ""]) == (status != 200)


@pytest.mark.parametrize("said", [{}, {"answer": "perhaps"}, {"answer": "as_told", "codes": ["mpp"]}])
def test_a_senseless_answer_is_refused(cast, slide, said):
    assert say(cast, slide, **said).status_code == 400


def test_the_case_page_asks_who_may_answer_and_tells_the_others(cast, slide):
    page = cast.as_(cast.tech).get(f"/cases/{cast.case.pk}/").content.decode()
    assert ASKED["text"] in page and REDUCED["text"] in page
    assert 'data-answer="as_told"' in page and "Set pixel size…" in page
    seen = cast.as_(cast.observer).get(f"/cases/{cast.case.pk}/").content.decode()
    assert ASKED["text"] in seen and "data-answer" not in seen
    say(cast, slide, answer="as_told")
    answered = cast.as_(cast.tech).get(f"/cases/{cast.case.pk}/").content.decode()
    assert f"Used as the file says, by {cast.tech.username}." in answered
    assert 'data-answer="ask_again"' in answered and "as_told" not in answered


def test_a_check_again_keeps_answers_and_asks_nothing_about_a_measured_size():
    info = SlideInfo("x", 9, 9, 0.025, 0.025, None, (Level(9, 9, 1.0),), doubts=("pixel_size_out_of_range",))
    slide = Slide(doubts=[])
    assert [doubt["answer"] for doubt in doubts.ask_anew(slide, info, False)] == [None]
    assert doubts.ask_anew(slide, info, True) == []
    slide.doubts = [ASKED | {"answer": {"word": "as_told", "by": "ann", "at": ""}}]
    assert [doubt["answer"]["by"] for doubt in doubts.ask_anew(slide, info, False)] == ["ann"]
