"""Bodies of the API: what is of another kind than described is refused, and not turned into it."""

import pytest
from rest_framework import serializers

from mitoweb.lib.json_bodies import ExactKinds

ROW = "7d444840-9dc0-11d1-b245-5ffdce74fad2"


class Body(ExactKinds, serializers.Serializer):
    label = serializers.CharField(allow_null=True, required=False)
    row = serializers.UUIDField(required=False)
    way = serializers.ChoiceField(["1", "2"], required=False)
    again = serializers.BooleanField(required=False)
    x_l0 = serializers.FloatField(required=False)
    number = serializers.IntegerField(required=False)
    points = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), required=False)


@pytest.mark.parametrize(
    "body",
    [
        *({"label": 0}, {"label": 1.5}, {"row": 0}, {"way": 1}, {"again": 0}, {"again": "yes"}, {"again": "true"}),
        *({"x_l0": True}, {"number": False}, {"points": [[1, 2], [3, True]]}),
    ],
)
def test_another_kind_is_refused_with_the_name_of_the_field(body):
    form = Body(data=body)
    assert not form.is_valid()
    assert form.errors.keys() == body.keys()
    assert str(next(iter(form.errors.values()))[0]).endswith("is needed.")


@pytest.mark.parametrize(
    "body",
    [
        *({"label": "A1"}, {"label": None}, {"row": ROW}, {"way": "1"}, {"again": False}, {"x_l0": 3}, {"number": 3}),
        *({"x_l0": "0.25"}, {"number": "3"}, {"points": [[1, 2.5], ["3", 4]]}, {"points": []}, {}),
    ],
)
def test_the_same_kind_is_taken_and_so_are_numbers_as_they_were_typed(body):
    form = Body(data=body)
    assert form.is_valid(), form.errors


def test_what_is_no_object_is_refused():
    assert not Body(data=[1]).is_valid()
