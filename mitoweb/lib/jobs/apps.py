from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "mitoweb.lib.jobs"
    label = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        autodiscover_modules("tasks")  # registers the handlers of every app
        for module in settings.EXTRA_TASKS:
            import_module(module)
