"""Verdicts and added figures go with their case, and in no other way."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from analysis.models import Comment, Figure, Verdict
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import comment_on, judge
from tests.factories import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    analysis = make_analysis()
    reader = member(analysis.slide.case.team, "reader")
    detection = add_detection(analysis)
    judge(detection, reader, "mitosis")
    comment_on(detection, reader, "A plate from the side?")
    Figure.objects.create(analysis=analysis, x_l0=1, y_l0=1, reader=reader, revision=1000)
    return analysis


def say(case) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mitoweb.erasing', %s, true)", [str(case)])


@pytest.mark.parametrize("model", [Verdict, Figure, Comment])
@pytest.mark.parametrize("said", [None, "", "%", "another", "analysis", "slide"])
def test_nothing_deletes_them_but_a_transaction_that_names_their_case(analysis, model, said):
    names = {"another": uuid.uuid4(), "analysis": analysis.pk, "slide": analysis.slide_id}
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        if said is not None:
            say(names.get(said, said))
        model.objects.all()._raw_delete("default")
    assert model.objects.count() == 1


@pytest.mark.parametrize("model", [Verdict, Figure, Comment])
def test_a_transaction_that_names_the_case_deletes_but_does_not_change(analysis, model):
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        say(analysis.slide.case_id)
        model.objects.update(revision=5)
    with transaction.atomic():
        say(analysis.slide.case_id)
        Comment.objects.all()._raw_delete("default")
        Verdict.objects.all()._raw_delete("default")
        Figure.objects.all()._raw_delete("default")
    assert not model.objects.exists()


def test_verdicts_of_another_case_stay_closed_meanwhile(analysis):
    other = make_analysis()
    judge(add_detection(other), member(other.slide.case.team, "reader"), "mitosis")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        say(analysis.slide.case_id)
        Verdict.objects.all()._raw_delete("default")
    assert Verdict.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_was_said_ends_with_its_transaction():
    with transaction.atomic():
        say(uuid.uuid4())
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('mitoweb.erasing', true)")
        assert cursor.fetchone()[0] in ("", None)
