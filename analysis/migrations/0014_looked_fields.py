"""Fields that readers looked at, and unmarked fields drawn for an audit. They go with their case, and in no other way."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

ID = models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)


def belongs_to(model: str, related_name: str, on_delete=django.db.models.deletion.CASCADE, **more):
    return models.ForeignKey(to=model, on_delete=on_delete, related_name=related_name, **more)


def read_by():
    return belongs_to(settings.AUTH_USER_MODEL, "+", django.db.models.deletion.PROTECT)


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0013_protocol_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            "AuditSample",
            [
                ("id", ID.clone()),
                ("polygon", models.JSONField(blank=True, null=True)),
                ("field_um", models.FloatField()),
                ("seed", models.PositiveBigIntegerField()),
                ("fields_l0", models.JSONField()),
                ("revision", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("analysis", belongs_to("analysis.analysis", "audit_samples")),
                ("reader", read_by()),
            ],
            options={
                "ordering": ["revision"],
                "constraints": [
                    models.CheckConstraint(condition=Q(field_um__gt=0), name="audit_sample_has_a_field"),
                    models.UniqueConstraint(fields=["analysis", "revision"], name="audit_sample_revision_once"),
                ],
            },
        ),
        migrations.CreateModel(
            "FieldLook",
            [
                ("id", ID.clone()),
                ("kind", models.CharField(choices=[("walk", "walk"), ("audit", "audit")], max_length=5)),
                ("x_l0", models.FloatField()),
                ("y_l0", models.FloatField()),
                ("radius_um", models.FloatField()),
                ("revision", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("analysis", belongs_to("analysis.analysis", "looks")),
                ("reader", read_by()),
                ("sample", belongs_to("analysis.auditsample", "looks", blank=True, null=True)),
            ],
            options={
                "ordering": ["revision"],
                "constraints": [
                    models.CheckConstraint(condition=Q(radius_um__gt=0), name="look_has_a_radius"),
                    models.CheckConstraint(
                        condition=Q(kind="walk", sample__isnull=True) | Q(kind="audit", sample__isnull=False),
                        name="look_of_a_sample_if_audit",
                    ),
                    models.UniqueConstraint(fields=["analysis", "revision"], name="look_revision_once"),
                ],
                "indexes": [models.Index(fields=["analysis", "reader"], name="look_of_reader")],
            },
        ),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasing();",
                f"DROP TRIGGER {table}_append_only ON {table};",
            )
            for table in ("analysis_auditsample", "analysis_fieldlook")
        ),
    ]
