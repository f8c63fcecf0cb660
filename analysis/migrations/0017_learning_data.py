"""Data sets of verdicts, cases withdrawn from learning, and the locked set, which no data set may touch.

The three are held apart by the database: whatever puts a place into a data set, locks a slide or withdraws a case takes
one advisory lock, and then sees what the others have done.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


HELD_BACK_LABEL = r"(^|[^0-9A-Za-z])(H05([^0-9A-Za-z]|$)|A05_)"
# Of `learning.hold_learning`, which services take before they look.
LOCK = 510016

REFUSE = "RAISE EXCEPTION '%s' USING ERRCODE = 'integrity_constraint_violation'"
STANDING = "NOT EXISTS (SELECT FROM analysis_lockwithdrawal WHERE lock_id = locked.id)"
SAME = "(kept.case_id = slide.case_id OR (kept.sha256 <> '' AND kept.sha256 = slide.sha256))"
# Of each: its function, its trigger, and when that fires.
GUARDS = {
    "refuse_held_back_rows": (
        "analysis_datasetrow",
        "AFTER INSERT ON analysis_datasetrow REFERENCING NEW TABLE AS added FOR EACH STATEMENT",
        f"""
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    IF EXISTS (SELECT FROM added JOIN slides_slide slide ON slide.id = slide_id
        WHERE slide.label ~* '{HELD_BACK_LABEL}' OR slide.case_id <> added.case_id) THEN
        {REFUSE % "a slide is for reporting only, or not of its case"};
    END IF;
    IF EXISTS (SELECT FROM (SELECT DISTINCT slide_id FROM added) places
        JOIN slides_slide slide ON slide.id = places.slide_id JOIN slides_slide kept ON {SAME}
        JOIN analysis_lockedslide locked ON locked.slide_id = kept.id WHERE {STANDING}) THEN
        {REFUSE % "a slide is in the locked set: nothing of its case is learned from"};
    END IF;
    IF EXISTS (SELECT FROM (SELECT DISTINCT case_id FROM added) cases WHERE NOT (SELECT switch."on"
        FROM analysis_learningswitch switch WHERE switch.case_id = cases.case_id ORDER BY id DESC LIMIT 1)) THEN
        {REFUSE % "a case is withdrawn from learning"};
    END IF;
    RETURN NULL;
""",
    ),
    "keep_data_set_row": (
        "analysis_datasetrow",
        "BEFORE UPDATE OR DELETE ON analysis_datasetrow FOR EACH ROW",
        f"""
    IF TG_OP = 'DELETE' THEN
        IF OLD.case_id::text = current_setting('mitoweb.erasing', true) THEN
            RETURN OLD;
        END IF;
    ELSIF OLD.left_at IS NULL THEN
        changed := NEW;
        changed.left_at := NULL;
        changed.left_why := '';
        IF changed IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    {REFUSE % "a place of a data set leaves it, and is never changed or deleted"};
""",
    ),
    "keep_locked_slide": (
        "analysis_lockedslide",
        "BEFORE INSERT OR UPDATE OR DELETE ON analysis_lockedslide FOR EACH ROW",
        f"""
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM slides_slide WHERE id = OLD.slide_id
        AND case_id::text = current_setting('mitoweb.erasing', true)) THEN
        RETURN OLD;
    ELSIF TG_OP <> 'INSERT' THEN
        {REFUSE % "rows of analysis_lockedslide are added, never changed or deleted"};
    END IF;
    PERFORM pg_advisory_xact_lock({LOCK});
    IF EXISTS (SELECT FROM slides_slide WHERE id = NEW.slide_id AND label ~* '{HELD_BACK_LABEL}') THEN
        {REFUSE % "this slide is for reporting only"};
    END IF;
    IF EXISTS (SELECT FROM analysis_lockedslide locked WHERE slide_id = NEW.slide_id AND {STANDING}) THEN
        {REFUSE % "this slide is in the locked set already"};
    END IF;
    IF EXISTS (SELECT FROM analysis_datasetrow place JOIN slides_slide kept ON kept.id = place.slide_id
        JOIN slides_slide slide ON slide.id = NEW.slide_id JOIN analysis_dataset sets ON sets.id = place.data_set_id
        WHERE {SAME} AND (place.left_at IS NULL OR sets.used IS NOT NULL)) THEN
        {REFUSE % "this slide is in a data set"};
    END IF;
    RETURN NEW;
""",
    ),
    "keep_lock_withdrawal": (
        "analysis_lockwithdrawal",
        "BEFORE UPDATE OR DELETE ON analysis_lockwithdrawal FOR EACH ROW",
        f"""
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM analysis_lockedslide locked JOIN slides_slide slide
        ON slide.id = locked.slide_id WHERE locked.id = OLD.lock_id
        AND slide.case_id::text = current_setting('mitoweb.erasing', true)) THEN
        RETURN OLD;
    END IF;
    {REFUSE % "rows of analysis_lockwithdrawal are added, never changed or deleted"};
""",
    ),
    "keep_withdrawn_case": (
        "analysis_learningswitch",
        "BEFORE INSERT ON analysis_learningswitch FOR EACH ROW",
        f"""
    PERFORM pg_advisory_xact_lock({LOCK});
    IF NOT NEW."on" AND EXISTS (
        SELECT FROM analysis_datasetrow place WHERE place.case_id = NEW.case_id AND place.left_at IS NULL) THEN
        {REFUSE % "places of this case are still in a data set"};
    END IF;
    RETURN NEW;
""",
    ),
}  # fmt: skip
APPEND_ONLY = {"analysis_learningswitch": "UPDATE", "analysis_lockedsetlook": "UPDATE OR DELETE"}


def make_guard(name: str) -> migrations.RunSQL:
    table, when, body = GUARDS[name]
    declare = f"DECLARE changed {table}%ROWTYPE;" if "changed" in body else ""
    function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {declare} BEGIN {body} END $$;"
    trigger = f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}();"
    return migrations.RunSQL(function + trigger, f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();")


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0016_peaks_of_first_looks"),
        ("jobs", "0004_steps_interruptions_outcome"),
        ("slides", "0011_slides_of_one_file"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DataSet",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100, unique=True)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("choice", models.JSONField()),
                ("readers", models.JSONField()),
                ("left_out", models.JSONField()),
                ("warnings", models.JSONField(default=list)),
                ("hash", models.CharField(blank=True, max_length=64)),
                ("notes", models.JSONField(default=list)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("folder_revision", models.PositiveIntegerField(default=0)),
                ("used", models.DateTimeField(blank=True, null=True)),
                (
                    "job",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="data_set",
                        to="jobs.job",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-made"],
            },
        ),
        migrations.CreateModel(
            name="LockedSetLook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("what", models.CharField(max_length=200)),
                ("hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
            },
        ),
        migrations.CreateModel(
            name="LockedSlide",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "slide",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="slides.slide"),
                ),
            ],
            options={
                "ordering": ["-at"],
            },
        ),
        migrations.CreateModel(
            name="LockWithdrawal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lock",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="withdrawal",
                        to="analysis.lockedslide",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DataSetRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("x_l0", models.FloatField()),
                ("y_l0", models.FloatField()),
                ("mpp_x", models.FloatField()),
                ("mpp_y", models.FloatField()),
                ("scanner", models.CharField(blank=True, max_length=120)),
                ("tumour", models.CharField(blank=True, max_length=100)),
                ("verdicts", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("readers", models.PositiveIntegerField()),
                ("mitoses", models.PositiveIntegerField()),
                ("label", models.FloatField()),
                ("settled", models.BooleanField()),
                ("weight", models.FloatField(default=1.0)),
                (
                    "purpose",
                    models.CharField(
                        choices=[("validate", "to validate a count"), ("correct", "to correct for training")],
                        max_length=10,
                    ),
                ),
                ("added", models.BooleanField()),
                ("left_at", models.DateTimeField(blank=True, null=True)),
                ("left_why", models.CharField(blank=True, max_length=200)),
                (
                    "case",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="slides.case"),
                ),
                (
                    "data_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rows", to="analysis.dataset"
                    ),
                ),
                (
                    "slide",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="slides.slide"),
                ),
            ],
            options={
                "ordering": ["number"],
                "indexes": [models.Index(fields=["case"], name="data_set_row_of_case")],
                "constraints": [
                    models.UniqueConstraint(fields=("data_set", "number"), name="data_set_row_number_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("label__gt", 0), ("label__lt", 1), ("settled", False)),
                            models.Q(("label__in", [0, 1]), ("settled", True)),
                            _connector="OR",
                        ),
                        name="data_set_row_label_settled_or_between",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mitoses__lte", models.F("readers")),
                            ("mpp_x__gt", 0),
                            ("mpp_y__gt", 0),
                            ("readers__gte", 1),
                            ("weight__gt", 0),
                        ),
                        name="data_set_row_numbers_sound",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("left_at__isnull", True), ("left_why", "")),
                            models.Q(("left_at__isnull", False), models.Q(("left_why", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="data_set_row_left_with_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LearningSwitch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.BooleanField()),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="slides.case"),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["case", "-id"], name="learning_switch_in_force")],
            },
        ),
        *map(make_guard, GUARDS),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER {table}_append_only BEFORE {events} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
                f"DROP TRIGGER {table}_append_only ON {table};",
            )
            for table, events in APPEND_ONLY.items()
        ),
    ]
