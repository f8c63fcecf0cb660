"""Every address pattern of the product, from the resolver."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, get_resolver


def all_routes() -> list[str]:
    """Readable patterns without duplicates: "cases/<uuid:pk>/", "api/analyses/<pk>/count/"."""
    return list(dict.fromkeys(_walk(get_resolver(), "")))


def fill(route: str, values: dict[str, object]) -> str:
    """The address of a route: <uuid:pk> becomes values["pk"]."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)


def parameters(route: str) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", route)


def _walk(resolver, prefix: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield _readable(route)
        else:
            yield from _walk(entry, route)


def _readable(route: str) -> str:
    """Regular expressions of the REST router and the admin, written like paths."""
    named = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", route)
    return named.replace("^", "").replace("$", "").replace("\\.", ".").replace("\\Z", "")
