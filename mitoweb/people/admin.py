"""Users and teams in the Django admin. What is changed here has its line in the audit too."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from mitoweb.lib.read_only_admin import ReadOnly
from mitoweb.people import services
from mitoweb.people.audit import record_change
from mitoweb.people.models import AuditEntry, Membership, Team, User


class Audited(admin.ModelAdmin):
    """The admin's own history is for its pages; the audit is the one list of what happened."""

    def log_addition(self, request, obj, message):
        _record_change(request, obj, "made")
        return super().log_addition(request, obj, message)

    def log_change(self, request, obj, message):
        _record_change(request, obj, "changed")
        return super().log_change(request, obj, message)

    def log_deletions(self, request, queryset):
        for obj in queryset:
            _record_change(request, obj, "deleted")
        return super().log_deletions(request, queryset)


def _record_change(request, obj, what: str) -> None:
    kind = obj._meta.verbose_name
    record_change(
        request.user, None, f"admin.{what}", f"{kind} {obj.pk}", f"{kind} {obj} {what} in the administration."
    )


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 1
    autocomplete_fields = ["user", "team"]


@admin.register(User)
class PersonAdmin(Audited, UserAdmin):
    """Who works here. People are deactivated, not deleted: their verdicts stay theirs."""

    list_display = ["username", "first_name", "last_name", "is_superuser", "is_active", "last_login"]
    list_filter = ["is_superuser", "is_active", "memberships__team"]
    inlines = [MembershipInline]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Name", {"fields": ["first_name", "last_name", "email"]}),
        ("May", {"fields": ["is_active", "is_superuser"], "description": "An administrator may do everything."}),
        ("When", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["last_login", "date_joined"]

    def save_model(self, request, obj, form, change):
        obj.is_staff = obj.is_superuser  # the admin belongs to administrators alone
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data and change:
            (services.reactivate_user if obj.is_active else services.deactivate_user)(obj, request.user)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Team)
class TeamAdmin(Audited):
    list_display = ["name", "activation_needs_second_admin", "created"]
    search_fields = ["name"]
    inlines = [MembershipInline]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # cases hang on it


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly):
    list_display = ["at", "actor", "team", "action", "text"]
    list_filter = ["action", "team"]
    search_fields = ["text", "subject"]
    list_select_related = ["actor", "team"]
