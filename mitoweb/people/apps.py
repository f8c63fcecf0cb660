from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


class PeopleConfig(AppConfig):
    default = True
    name = "mitoweb.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        from mitoweb.people import sessions, sign_ins  # noqa: F401 they connect their receivers

        post_migrate.connect(make_cache_table, sender=self)


def make_cache_table(using: str, **kwargs) -> None:
    """The sign-in limits live in the shared cache: whoever migrates has its table. Does nothing when it is there."""
    call_command("createcachetable", database=using, verbosity=0)
