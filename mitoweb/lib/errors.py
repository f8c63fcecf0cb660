"""Errors for people, in one shape: {"detail": sentence, "code": word, "fields": {field: [sentences]}}."""

from django.http import UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.views import exception_handler


class Refused(exceptions.APIException):
    """A request that is understood and not done; nothing was changed."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "refused"

    def __init__(self, detail: str, code: str = "refused", status_code: int | None = None) -> None:
        super().__init__(detail, code)
        if status_code is not None:
            self.status_code = status_code


def api_exception_handler(error, context):
    """DRF's answer, with field errors moved under "fields" so that a caller always finds one sentence first."""
    if isinstance(error, UnreadablePostError):  # the client went silent or hung up in the middle of the body
        error = Refused("The request did not come whole.", "incomplete", status.HTTP_408_REQUEST_TIMEOUT)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        fields = response.data if isinstance(response.data, dict) else {"non_field_errors": response.data}
        name, sentences = next(iter(fields.items()))
        first = sentences[0] if isinstance(sentences, list) else sentences
        detail = str(first) if name == "non_field_errors" else f"{name}: {first}"
        response.data = {"detail": detail, "code": "invalid", "fields": fields}
    elif isinstance(response.data, dict) and "detail" in response.data:
        code = getattr(response.data["detail"], "code", getattr(error, "default_code", "error"))
        response.data = {"detail": str(response.data["detail"]), "code": code}
    return response
