"""JSON that is sent to the API."""

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MOST_DEEP = 64  # lists and objects in each other; what the API takes has four
TOO_DEEP = f"The JSON is nested more than {MOST_DEEP} deep."


class ShallowJSONParser(JSONParser):
    """Refuses what is nested so deeply that reading it, or whoever works on it, would run out of stack."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if is_deeper_than(value, MOST_DEEP):
            raise ParseError(TOO_DEEP)
        return value


def is_deeper_than(value: object, most: int) -> bool:
    """Whether lists and objects lie in each other more than `most` deep. Goes level by level, so no stack is needed."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        children = (child for each in level for child in (each.values() if isinstance(each, dict) else each))
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
