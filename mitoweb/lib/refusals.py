"""What pages do with a refusal (`mitoweb.lib.errors`). The API's way is `mitoweb/api_errors.py`."""

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages

from mitoweb.lib.errors import Refused

Done = TypeVar("Done")


def do_or_say(request, change: Callable[[], Done], tell: Callable[[Refused], str] = str) -> Done | None:
    """What `change` gives; what is refused is said on the next page, in the words of `tell`, and gives None."""
    try:
        return change()
    except Refused as refusal:
        messages.error(request, tell(refusal))
    return None
