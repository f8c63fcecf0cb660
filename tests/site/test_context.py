"""What the frame of every page costs."""

import pytest
from django.test import RequestFactory

from mitoweb.site.context import PageFrame
from tests.factories import MembershipFactory, TeamFactory, member

pytestmark = pytest.mark.django_db


def test_the_frame_costs_no_query_until_it_is_shown(django_assert_num_queries):
    reader = member(TeamFactory(name="Breast"), "reader")
    MembershipFactory(user=reader, team=TeamFactory(name="Canine"), role="lead")
    request = RequestFactory().get("/")
    request.user, request.session = reader, {}
    with django_assert_num_queries(0):
        shell = PageFrame(request)
    with django_assert_num_queries(1):
        assert shell.team.name == "Breast"
        assert len(shell.teams) == 2
