"""The Django admin as this project has it."""

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

# Their rows are not for hands: queue tasks hold unsigned pickles, tokens and e-mail proofs belong to their owners,
# and permissions follow from roles alone, so groups would promise what nothing reads.
NOT_HERE = {"account", "auth", "django_q", "knox"}


class AdministratorSite(AdminSite):
    site_header = site_title = "MitoWeb administration"
    index_title = "People, teams, models"
    site_url = "/cases/"

    def register(self, model_or_iterable, admin_class=None, **options):
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple | set) else [model_or_iterable]
        wanted = [model for model in models if model._meta.app_label not in NOT_HERE]
        super().register(wanted, admin_class, **options)

    def has_permission(self, request) -> bool:
        return request.user.is_active and request.user.is_superuser

    @login_not_required
    def login(self, request, extra_context=None):
        """Send people to the one sign-in: its limits do not cover the admin's own form, so that one is never shown."""
        if not request.user.is_authenticated:
            return secure_admin_login(super().login)(request)
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")
