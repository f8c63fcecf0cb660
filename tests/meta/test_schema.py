"""The OpenAPI description is complete: no warning, each operation with its errors, everything behind a sign-in."""

from io import StringIO

import pytest
import yaml
from django.core.exceptions import FieldDoesNotExist
from django.core.management import call_command
from django.db.models import Model
from rest_framework import serializers

from tests.factories import TeamFactory, member


@pytest.fixture(scope="module")
def schema():
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out)
    return yaml.safe_load(out.getvalue())


def operations(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_description_is_made_without_a_warning(schema):
    assert len(schema["paths"]) > 30


def test_each_operation_needs_a_token_or_a_session(schema):
    for name, operation in operations(schema):
        assert {"knoxApiToken": []} in operation["security"], name
        assert {} not in operation["security"], name
        assert "401" in operation["responses"], name


def test_each_operation_with_an_object_says_what_a_missing_one_answers(schema):
    for name, operation in operations(schema):
        assert "404" in operation["responses"] or "{" not in name, name


def test_what_any_request_may_be_answered_is_described(schema):
    for name, operation in operations(schema):
        assert {"401", "403", "429", "503"} <= operation["responses"].keys(), name
        if "requestBody" in operation:
            assert {"400", "411", "413", "415"} <= operation["responses"].keys(), name
        for status in ("429", "503"):
            assert "Retry-After" in operation["responses"][status]["headers"], f"{name} {status}"


def test_each_operation_has_a_name_of_its_own(schema):
    names = [operation["operationId"] for _, operation in operations(schema)]
    assert len(names) == len(set(names))


def all_serializers(of: type = serializers.BaseSerializer):
    for kind in of.__subclasses__():
        yield from all_serializers(kind)
        if kind.__module__.startswith(("mitoweb.", "slides.", "analysis.")):
            yield kind


def columns_of(model: type[Model] | None, source: str) -> list:
    """The columns that an answer is read through; none where it is worked out."""
    columns = []
    for name in source.split("."):
        if model is None:
            return []
        try:
            columns.append(model._meta.get_field(name))
        except FieldDoesNotExist:
            return []
        model = columns[-1].related_model
    return columns


def test_what_may_be_empty_in_an_answer_is_described_so(schema):
    """Only the kinds that the framework itself does not see: through a relation, by a default, and choices."""
    wrong = []
    for kind in all_serializers():
        model = getattr(getattr(kind, "Meta", None), "model", None)
        for name, field in kind().fields.items():
            columns = columns_of(model, field.source)
            is_chosen = isinstance(field, serializers.ChoiceField) and columns
            # Of rows that point here there is a list, if an empty one.
            is_null = any(column.null and not column.one_to_many for column in columns)
            may_be_null = is_null and field.default is serializers.empty
            if (may_be_null or field.default is None) and not field.allow_null:
                wrong.append(f"{kind.__name__}.{name} may be null")
            if is_chosen and columns[-1].blank and not field.allow_blank:
                wrong.append(f"{kind.__name__}.{name} may be empty")
    assert wrong == []


@pytest.mark.django_db
def test_schema_and_page_open_for_each_role_and_for_nobody_else(client):
    assert client.get("/api/schema/").status_code == 401
    assert client.get("/api/docs/").status_code == 302
    client.force_login(member(TeamFactory(), "observer"))
    assert client.get("/api/schema/?format=json").json()["info"]["title"] == "MitoWeb"
    page = client.get("/api/docs/").content.decode()
    assert 'data-schema="/api/schema/?format=json"' in page
