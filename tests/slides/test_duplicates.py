"""What is here already is recognised by its hash, and nobody learns of slides they may not see."""

import hashlib

import pytest

from slides.services.duplicates import content_hash
from tests.factories import CaseFactory, SlideFactory

URL = "/api/uploads/known/"


def ask(cast, who, slide, **more):
    question = {"case": str(cast.case.pk), "length": slide.bytes} | more
    return cast.as_(who).post(URL, question, content_type="application/json")


def test_a_slide_of_the_same_case_is_found_before_one_of_another(cast):
    slide = SlideFactory(case=cast.case, label="A1")
    SlideFactory(case=CaseFactory(team=cast.team), sha256=slide.sha256)
    assert ask(cast, cast.tech, slide).json()["possible"]
    assert ask(cast, cast.tech, slide).json()["slide"] is None
    found = ask(cast, cast.tech, slide, sha256=slide.sha256).json()
    assert (found["slide"], found["label"], found["same_case"], found["ready"]) == (str(slide.pk), "A1", True, True)


def test_a_slide_of_another_case_of_the_team_is_told_with_its_case(cast):
    slide = SlideFactory(case=CaseFactory(team=cast.team, accession="26-1"), label="B7", state="quarantine")
    found = ask(cast, cast.tech, slide, sha256=slide.sha256).json()
    assert (found["accession"], found["same_case"], found["ready"]) == ("26-1", False, False)


def test_slides_of_other_teams_and_unknown_files_answer_alike(cast):
    foreign = SlideFactory()
    unknown = ask(cast, cast.tech, foreign, sha256="0" * 64).json()
    assert ask(cast, cast.tech, foreign, sha256=foreign.sha256).json() == unknown
    assert ask(cast, cast.tech, foreign).json() == unknown
    assert unknown["possible"] is False


def test_a_refused_slide_is_not_here(cast):
    slide = SlideFactory(case=cast.case, state="refused")
    assert not ask(cast, cast.tech, slide, sha256=slide.sha256).json()["possible"]


@pytest.mark.parametrize(("who", "status"), [("reader", 403), ("observer", 403), ("stranger", 404), (None, 401)])
def test_only_who_may_upload_into_the_case_may_ask(cast, who, status):
    assert ask(cast, getattr(cast, who) if who else None, SlideFactory(case=cast.case)).status_code == status


@pytest.mark.parametrize(
    "more", [{"sha256": "abc"}, {"sha256": "Z" * 64}, {"length": 0}, {"length": "x"}, {"case": "1"}]
)
def test_a_question_that_says_nothing_is_refused(cast, more):
    assert ask(cast, cast.tech, SlideFactory(case=cast.case), **more).status_code == 400


def test_several_files_have_one_hash_in_whatever_order_they_come():
    assert content_hash(["ab"]) == "ab"
    assert content_hash(["b", "a"]) == content_hash(["a", "b"]) == hashlib.sha256(b"ab").hexdigest()
