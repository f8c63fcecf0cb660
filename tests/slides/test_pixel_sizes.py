"""The pixel size of many slides of a case at once."""

import pytest

from mitoweb.people.models import AuditEntry
from slides.models import ScannerPixelSize, Slide
from tests.factories import CaseFactory, SlideFactory

UNKNOWN = {"mpp_x": None, "mpp_y": None, "mpp_source": "unknown"}


@pytest.fixture
def three(cast):
    return [SlideFactory(case=cast.case, scanner=name, **UNKNOWN) for name in ("One", "One", "Two")]


def say(cast, slides, who=None, **said):
    said["slides"] = [str(slide.pk) for slide in slides]
    url = f"/api/cases/{cast.case.pk}/pixel_size/"
    return cast.as_(who or cast.tech).post(url, said, content_type="application/json")


def sizes(slides) -> list:
    return [Slide.objects.get(pk=slide.pk).mpp_x for slide in slides]


def test_all_named_slides_get_the_size_and_their_scanner_keeps_it(cast, three):
    answer = say(cast, three[:2], mpp_x=0.25, note="from the maker", keep_for_scanner=True)
    assert [row["mpp_x"] for row in answer.json()] == [0.25, 0.25]
    assert sizes(three) == [0.25, 0.25, None]
    assert ScannerPixelSize.objects.get().scanner == "One"
    assert AuditEntry.objects.filter(action="slide.mpp", actor=cast.tech).count() == 2


def test_each_gets_its_own_scanners_default_or_none_gets_any(cast, three):
    ScannerPixelSize.objects.create(team=cast.team, scanner="One", mpp_x=0.25, mpp_y=0.25)
    assert say(cast, three, from_scanner=True).json()["code"] == "no_default"
    assert sizes(three) == [None] * 3
    ScannerPixelSize.objects.create(team=cast.team, scanner="Two", mpp_x=0.5, mpp_y=0.5)
    assert say(cast, three, from_scanner=True).status_code == 200
    assert sizes(three) == [0.25, 0.25, 0.5]


def test_a_slide_of_another_case_is_not_there_and_nothing_is_set(cast, three):
    elsewhere = SlideFactory(case=CaseFactory(team=cast.team), **UNKNOWN)
    assert say(cast, [*three, elsewhere], mpp_x=0.25).status_code == 404
    assert sizes([*three, elsewhere]) == [None] * 4


@pytest.mark.parametrize("said", [{}, {"mpp_x": 0.25, "from_scanner": True}, {"mpp_x": 99.0}])
def test_a_senseless_size_is_refused_for_all(cast, three, said):
    assert say(cast, three, **said).status_code == 400
    assert say(cast, [], mpp_x=0.25).status_code == 400
    assert say(cast, three, cast.reader, mpp_x=0.25).status_code == 403
    assert sizes(three) == [None] * 3
