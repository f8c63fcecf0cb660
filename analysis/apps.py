from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "analysis"

    def ready(self) -> None:
        from analysis import facts
        from analysis.services import job_kinds

        facts.register()
        job_kinds.register()
