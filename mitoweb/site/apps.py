from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class SiteConfig(AppConfig):
    default = True
    name = "mitoweb.site"
    label = "site"
    verbose_name = "Site"

    def ready(self) -> None:
        import_module("mitoweb.checks")  # the project is no app of its own, so its checks register here


class AdministrationConfig(admin_apps.AdminConfig):
    """Django's admin with this project's site: administrators only, behind the rate limits of the sign-in."""

    default = False
    default_site = "mitoweb.site.admin_site.AdministratorSite"
