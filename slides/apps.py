from django.apps import AppConfig


class SlidesConfig(AppConfig):
    name = "slides"

    def ready(self) -> None:
        from mitoweb.site.context import counters
        from slides import sidebar
        from slides.services import job_kinds

        counters.update(sidebar.COUNTERS)
        job_kinds.register()
