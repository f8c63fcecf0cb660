from django.apps import AppConfig


class SlidesConfig(AppConfig):
    name = "slides"

    def ready(self) -> None:
        from mitoweb.site.context import counters
        from slides import sidebar

        counters.update(sidebar.COUNTERS)
