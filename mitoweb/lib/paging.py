"""Pages of lists in the API."""

import re

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination

LAST = ("page", "last")
NUMBER = re.compile("[1-9][0-9]{0,8}", re.ASCII)


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    page_size_query_description = "Rows on a page; of more than 500, 500 are given."
    max_page_size = 500

    def paginate_queryset(self, queryset, request, view=None):
        """What is no page is said, and not read as the first one; one behind the last is missing (404)."""
        wrong = {
            name: ["A whole number from 1 on is needed."]
            for name in (self.page_query_param, self.page_size_query_param)
            if not NUMBER.fullmatch(value := request.query_params.get(name, "1")) and (name, value) != LAST
        }
        if wrong:
            raise ValidationError(wrong)
        return super().paginate_queryset(queryset, request, view)

    def get_schema_operation_parameters(self, view) -> list[dict]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            parameter["schema"] |= {"minimum": 1, "maximum": 999_999_999}
        return parameters
