"""Parts of the team page that later steps of the way add: registered by them, so that this app need not know them."""

from collections.abc import Callable
from typing import Any

# (user, team) -> {"template": its name, and what it shows}, in the order of the page
PARTS: list[Callable[[Any, Any], dict]] = []
