"""What the views of the REST API share."""

from rest_framework.negotiation import BaseContentNegotiation

from mitoweb.lib.access import get_visible

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class Gated:
    """For view sets: rows that the account may see, foreign and missing ones alike 404."""

    lookup_value_regex = UUID
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_object(self):
        row = get_visible(self.get_queryset(), self.request.user, pk=self.kwargs["pk"])
        self.check_object_permissions(self.request, row)
        return row


class AnyClient(BaseContentNegotiation):
    """For pictures: there is one form, whatever the client says it accepts."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type
