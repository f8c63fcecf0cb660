from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core.management import call_command
from django.db.models.signals import post_migrate


class PeopleConfig(AppConfig):
    default = True
    name = "mitoweb.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        from mitoweb.people import sessions  # noqa: F401 connects its receiver

        post_migrate.connect(make_cache_table, sender=self)


class SiteConfig(admin_apps.AdminConfig):
    """Django's admin with this project's site: administrators only, behind the rate limits of the sign-in."""

    default = False
    default_site = "mitoweb.people.admin_site.AdministratorSite"


def make_cache_table(using: str, **kwargs) -> None:
    """The sign-in limits live in the shared cache: whoever migrates has its table. Does nothing when it is there."""
    call_command("createcachetable", database=using, verbosity=0)
