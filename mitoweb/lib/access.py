"""The gate: a row outside the person's teams does not exist (404); one inside, without the right, is refused (403).

For views and the API; services know no HTTP (`mitoweb.lib.errors`).
"""

from django.core.exceptions import PermissionDenied
from django.http import Http404


def get_visible(model, user, **lookup):
    """The one row that `lookup` names among those `user` may see, else Http404: foreign and missing look the same."""
    queryset = model if hasattr(model, "visible_to") else model.objects
    row = queryset.visible_to(user).filter(**lookup).first()
    if row is None:
        raise Http404
    return row


def refuse_unless(allowed: bool, sentence: str = "Your role in this team does not allow this.") -> None:
    if not allowed:
        raise PermissionDenied(sentence)
