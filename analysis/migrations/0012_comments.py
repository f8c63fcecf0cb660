"""Comments on detections and figures, with answers. Like verdicts they go with their case, and in no other way."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

ONE_THING = Q(detection__isnull=False, figure__isnull=True) | Q(detection__isnull=True, figure__isnull=False)


def belongs_to(model: str, related_name: str, **more):
    on_delete = more.pop("on_delete", django.db.models.deletion.CASCADE)
    return models.ForeignKey(to=model, on_delete=on_delete, related_name=related_name, **more)


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0011_verdict_phase_and_purpose"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            "Comment",
            [
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("text", models.CharField(blank=True, max_length=1000)),
                ("revision", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("analysis", belongs_to("analysis.analysis", "comments")),
                ("detection", belongs_to("analysis.detection", "comments", blank=True, null=True)),
                ("figure", belongs_to("analysis.figure", "comments", blank=True, null=True)),
                ("author", belongs_to(settings.AUTH_USER_MODEL, "+", on_delete=django.db.models.deletion.PROTECT)),
                ("reply_to", belongs_to("analysis.comment", "replies", blank=True, null=True)),
                (
                    "withdraws",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="withdrawal",
                        to="analysis.comment",
                    ),
                ),
            ],
            options={
                "ordering": ["revision"],
                "constraints": [
                    models.CheckConstraint(condition=ONE_THING, name="comment_on_one_thing"),
                    models.CheckConstraint(
                        condition=(Q(withdraws__isnull=True) & ~Q(text=""))
                        | Q(withdraws__isnull=False, reply_to__isnull=True, text=""),
                        name="comment_says_or_withdraws",
                    ),
                    models.UniqueConstraint(fields=["analysis", "revision"], name="comment_revision_once"),
                ],
            },
        ),
        migrations.RunSQL(
            "CREATE TRIGGER analysis_comment_append_only BEFORE UPDATE OR DELETE ON analysis_comment "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasing();",
            "DROP TRIGGER analysis_comment_append_only ON analysis_comment;",
        ),
    ]
