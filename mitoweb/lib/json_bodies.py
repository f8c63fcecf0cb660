"""JSON that is sent to the API."""

import json
import math
from collections.abc import Mapping

from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

MOST_DEEP = 64  # lists and objects in each other; what the API takes has four
MOST_DIGITS = 300  # of a whole number, so that it is a number to a float too
TOO_DEEP = f"The JSON is nested more than {MOST_DEEP} deep."
NO_TEXT = "The JSON is no text: it is sent as UTF-8, without halves of characters."
TOO_LARGE = "The JSON has a number that is too large."


class ShallowJSONParser(JSONParser):
    """Refuses, in words of ours, what is no JSON, and what later could not be worked with.

    That is what is nested so deeply that reading it, or whoever works on it, would run out of stack; numbers that no
    computer holds; and halves of characters, which can neither be stored nor be shown in an answer.
    """

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            value = json.loads(
                stream.read().decode("utf-8-sig"),
                parse_int=_read_whole_number,
                parse_float=_read_number,
                parse_constant=_refuse_constant,
            )
        except UnicodeDecodeError:
            raise ParseError(NO_TEXT) from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ParseError(f"The JSON cannot be read: something is wrong at {place}.") from None
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if is_deeper_than(value, MOST_DEEP):
            raise ParseError(TOO_DEEP)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ParseError(NO_TEXT) from None
        return value


def _read_whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ParseError(TOO_LARGE)
    return int(text)


def _read_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ParseError(TOO_LARGE)
    return number


def _refuse_constant(word: str) -> float:
    raise ParseError(f"{word} is no number in JSON.")


def is_deeper_than(value: object, most: int) -> bool:
    """Whether lists and objects lie in each other more than `most` deep. Goes level by level, so no stack is needed."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        children = (child for each in level for child in (each.values() if isinstance(each, dict) else each))
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


class ExactKinds:
    """For serializers of bodies: text, number and truth are told apart, where the framework turns each into the other.

    To it 0 is a label, an id and no, and true is the place x_l0 = 1. Numbers in quotes stay numbers: pages send what
    was typed.
    """

    def to_internal_value(self, data):
        if isinstance(data, Mapping):
            wrong = {
                field.field_name: [sentence]
                for field in self._writable_fields
                if (sentence := tell_other_kind(field, data.get(field.field_name)))
            }
            if wrong:
                raise ValidationError(wrong)
        return super().to_internal_value(data)


def tell_other_kind(field: serializers.Field, value: object) -> str:
    """What is needed, where the value is of another kind than the field; empty where it is not, or is nothing."""
    match field:
        case serializers.ListField() if isinstance(value, list):
            return next((sentence for each in value if (sentence := tell_other_kind(field.child, each))), "")
        case serializers.CharField() | serializers.UUIDField() | serializers.ChoiceField():
            return "" if isinstance(value, str | None) else "Text is needed."
        case serializers.BooleanField():
            return "" if isinstance(value, bool | None) else "true or false is needed."
        case serializers.IntegerField() | serializers.FloatField():
            return "A number is needed." if isinstance(value, bool) else ""
    return ""
