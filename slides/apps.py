from django.apps import AppConfig


class SlidesConfig(AppConfig):
    name = "slides"

    def ready(self) -> None:
        from mitoweb.site.context import counters
        from slides.services import job_kinds
        from slides.views import sidebar

        counters.update(sidebar.COUNTERS)
        job_kinds.register_job_kinds()
