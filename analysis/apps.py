from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "analysis"

    def ready(self) -> None:
        from analysis import learning_facts, protocol_facts, reading_progress
        from analysis.services import job_kinds

        reading_progress.register_progress()
        protocol_facts.register_protocols()
        learning_facts.register_learning()
        job_kinds.register_job_kinds()
