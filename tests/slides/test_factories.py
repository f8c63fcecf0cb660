"""The rows that other tests start from."""

import pytest

from slides.files import slide_paths
from slides.wsi.reader import open_slide
from tests.factories import RegionFactory, SlideFactory, UploadFactory

pytestmark = pytest.mark.django_db


def test_a_made_slide_has_a_file_that_opens_with_the_facts_of_its_row():
    slide = SlideFactory()
    with open_slide(slide_paths(slide)) as reader:
        assert (reader.info.width, reader.info.height) == (slide.width, slide.height) == (1024, 768)
        assert reader.info.mpp_x == slide.mpp_x == 0.25


def test_regions_and_uploads_bring_what_they_hang_on():
    assert RegionFactory().slide.case.team
    assert UploadFactory().case.team
