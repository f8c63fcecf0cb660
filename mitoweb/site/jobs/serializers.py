"""Jobs in the API."""

from rest_framework import serializers

from mitoweb.lib.jobs.models import Job
from mitoweb.people.serializers import ReaderSerializer
from mitoweb.site.jobs.kinds import kind_of, may_read_log


class JobSerializer(serializers.ModelSerializer):
    # context["subjects"] names what each job works on (kinds.subjects_of); no docstring, which the API would show.
    title = serializers.SerializerMethodField(help_text="The kind in words.")
    subject = serializers.SerializerMethodField(help_text="What it works on; empty when that was deleted.")
    created_by = ReaderSerializer(allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id", "kind", "title", "subject", "object_id", "lane", "team", "created_by", "state", "outcome",
            "attempts", "max_attempts", "interruptions", "done", "total", "step", "step_done", "step_total", "message",
            "worker", "created", "started", "heartbeat", "finished",
        ]  # fmt: skip
        read_only_fields = fields

    def get_title(self, job: Job) -> str:
        return kind_of(job).title

    def get_subject(self, job: Job) -> str:
        subject = self.context.get("subjects", {}).get(job.pk)
        return subject.text if subject else ""


class JobDetailSerializer(JobSerializer):
    log = serializers.SerializerMethodField(help_text="For operators; null without the right to read it.")

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "log"]
        read_only_fields = fields

    def get_log(self, job: Job) -> str | None:
        return job.log if may_read_log(self.context["request"].user, job) else None
