from django.conf import settings
from django.core.management.commands import migrate

from mitoweb.lib.database_roles import connected_as_owner, grant_rights


class Command(migrate.Command):
    """Django's own, as the owner of the tables; the application's role gets its rights on what is new."""

    def handle(self, *args, **options) -> None:
        with connected_as_owner() as application:
            super().handle(*args, **options)
            if settings.DATABASE_OWNER:
                grant_rights(application)
