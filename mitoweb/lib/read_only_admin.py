"""Rows in the Django admin that nobody changes by hand."""

from django.contrib import admin


class ReadOnly(admin.ModelAdmin):
    """Rows that are added by the software and never changed."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
