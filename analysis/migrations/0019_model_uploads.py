"""How far each model version has come, as rows that are added and never changed, and uploads of new ones.

Versions of before keep their use: those that came with the program or were approved for a team count as approved, the
others as checked.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

STATES = ["uploaded", "validated", "candidate", "approved", "retired"]
UPLOAD_STATES = {"receiving": "Arriving", "checking": "Being checked", "refused": "Refused", "taken": "Taken in"}
FILL = """
INSERT INTO analysis_modelstanding (model_id, state, reason, facts, at)
SELECT id, CASE WHEN shipped OR EXISTS (
        SELECT FROM analysis_activation WHERE model_id = version.id AND approved IS NOT NULL
    ) THEN 'approved' ELSE 'validated' END,
    CASE WHEN shipped THEN 'Came with the program.' ELSE 'Was here before versions had states.' END, '{}', created
FROM analysis_modelversion version ORDER BY created;
"""


def points_to(model: str, related_name: str, **more) -> models.ForeignKey:
    more.setdefault("on_delete", django.db.models.deletion.PROTECT)
    return models.ForeignKey(to=model, related_name=related_name, **more)


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0018_training_runs"),
        ("jobs", "0005_turns_and_erase_lane"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            "ModelStanding",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(choices=[(name, name.capitalize()) for name in STATES], max_length=20)),
                ("reason", models.TextField(blank=True, max_length=1000)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by", points_to(settings.AUTH_USER_MODEL, "+", blank=True, null=True)),
                ("model", points_to("analysis.modelversion", "standings")),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=["model", "state"], name="standing_once_each"),
                    models.CheckConstraint(
                        condition=~Q(state="retired") | ~Q(reason=""), name="standing_retired_with_reason"
                    ),
                ],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(
            "CREATE TRIGGER analysis_modelstanding_append_only BEFORE UPDATE OR DELETE ON analysis_modelstanding "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
            "DROP TRIGGER analysis_modelstanding_append_only ON analysis_modelstanding;",
        ),
        migrations.CreateModel(
            "ModelUpload",
            [
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("card", models.TextField()),
                ("length", models.PositiveBigIntegerField()),
                ("state", models.CharField(choices=[*UPLOAD_STATES.items()], default="receiving", max_length=20)),
                ("message", models.TextField(blank=True)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by", points_to(settings.AUTH_USER_MODEL, "+")),
                ("job", points_to("jobs.job", "+", blank=True, null=True, on_delete=django.db.models.SET_NULL)),
                ("model", points_to("analysis.modelversion", "uploads", blank=True, null=True)),
            ],
            options={
                "ordering": ["-at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state="taken", model__isnull=False) | (~Q(state="taken") & Q(model__isnull=True)),
                        name="model_upload_taken_is_a_version",
                    )
                ],
            },
        ),
    ]
