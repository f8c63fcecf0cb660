"""How lists of cases and slides are narrowed, the same in pages and API."""

import django_filters as filters

from mitoweb.lib.filters import WholeNumberFilter
from slides.models import Case, Slide, Species
from slides.services.cases import list_unread


class CaseFilter(filters.FilterSet):
    q = filters.CharFilter(method="filter_by_words", label="Words of accession, tumour, organ or slide label")
    show = filters.ChoiceFilter(
        method="filter_by_show",
        choices=[
            *(("assigned", "assigned to me"), ("unread", "to read"), ("help", "needs help")),
            *(("refused", "refused files"), ("empty", "no slides")),
        ],
        label="assigned, unread, help, refused or empty",
    )
    tumour = filters.CharFilter(field_name="tumour_type", lookup_expr="iexact", label="Tumour type")
    species = filters.ChoiceFilter(choices=Species.choices)
    team = WholeNumberFilter(field_name="team")

    class Meta:
        model = Case
        fields = ["q", "show", "tumour", "species", "team"]

    def filter_by_words(self, cases, name, value):
        return cases.search_words(value)

    def filter_by_show(self, cases, name, value):
        if value == "assigned":
            return cases.assigned_to(self.request.user)
        if value == "unread":
            return list_unread(cases, self.request.user)
        return {"help": cases.needing_help, "refused": cases.with_refused, "empty": cases.without_slides}[value]()


class SlideFilter(filters.FilterSet):
    case = filters.UUIDFilter(field_name="case")

    class Meta:
        model = Slide
        fields = ["case", "state"]
