"""Operators look at rows here; none ever changes. Activation goes through the models page, which keeps the audit."""

from django.contrib import admin

from analysis.models import Activation, Analysis, ModelVersion
from mitoweb.lib.read_only_admin import ReadOnly


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ["name", "parameters", "threshold", "shipped", "created", "sha256"]
    list_filter = ["shipped"]
    search_fields = ["name", "sha256"]


@admin.register(Activation)
class ActivationAdmin(ReadOnly):
    list_display = ["model", "team", "purpose", "asked_by", "asked", "approved_by", "approved", "withdrawn"]
    list_filter = ["team"]
    search_fields = ["model__name", "reason"]
    list_select_related = ["model", "team", "asked_by", "approved_by"]


@admin.register(Analysis)
class AnalysisAdmin(ReadOnly):
    list_display = ["id", "slide", "model", "mode", "device", "candidates", "seconds", "created"]
    list_filter = ["mode", "model"]
    search_fields = ["slide__label", "slide__case__accession"]
    list_select_related = ["slide__case", "model"]
    exclude = ["tissue", "polygon"]  # thousands of points
