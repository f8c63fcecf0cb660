"""Filters of lists in the API that refuse what is not of their kind, where django-filter's own take it for nothing."""

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions

BOOLEANS = {"true": True, "false": False}


class WholeNumberField(forms.IntegerField):
    def to_python(self, value):
        if value and not str(value).isdecimal():  # forms take 1.0 for 1
            raise ValidationError("A whole number is needed.", "invalid")
        return super().to_python(value)


class BooleanField(forms.Field):
    def to_python(self, value):
        if value in self.empty_values:
            return None
        if str(value).lower() not in BOOLEANS:
            raise ValidationError("true or false is needed.", "invalid")
        return BOOLEANS[str(value).lower()]


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": 2**63 - 1})
class WholeNumberFilter(django_filters.Filter):
    field_class = WholeNumberField

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, min_value=0, max_value=2**63 - 1, **kwargs)


@extend_schema_field(OpenApiTypes.BOOL)
class BooleanFilter(django_filters.Filter):
    field_class = BooleanField


class ExactFilters(DjangoFilterBackend):
    """Refuses a filter that is named and left empty: whoever forgot its value would get everything."""

    def get_filterset(self, request, queryset, view):
        filterset = super().get_filterset(request, queryset, view)
        filters = filterset.filters if filterset else {}
        empty = {
            name: ["A value is needed; leave the filter out to get all."]
            for name, asked in filters.items()
            if not request.query_params.get(name, "any").strip() and not isinstance(asked, django_filters.CharFilter)
        }
        if empty:
            raise exceptions.ValidationError(empty)
        return filterset
