from django.apps import AppConfig


class SlidesConfig(AppConfig):
    name = "slides"

    def ready(self) -> None:
        from mitoweb.site.context import counters, warnings
        from slides.services import job_kinds
        from slides.services.protection import warn_of_open_files
        from slides.views import sidebar

        counters.update(sidebar.COUNTERS)
        warnings.append(warn_of_open_files)
        job_kinds.register_job_kinds()
