"""Operators look at rows here; changes go through the pages, which keep the audit."""

from django.contrib import admin

from mitoweb.lib.read_only_admin import ReadOnly
from slides.models import Case, Slide, Upload


@admin.register(Case)
class CaseAdmin(ReadOnly):
    list_display = ["accession", "team", "tumour_type", "due", "changed"]
    list_filter = ["team"]
    search_fields = ["accession"]


@admin.register(Slide)
class SlideAdmin(ReadOnly):
    list_display = ["label", "case", "state", "format", "width", "height", "mpp_source", "decoder_deaths"]
    list_filter = ["state", "format"]
    list_select_related = ["case"]


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    list_display = ["id", "case", "user", "length", "state", "step", "created"]
    list_filter = ["state"]
    list_select_related = ["case", "user"]
    exclude = ["name"]  # the uploader's alone
