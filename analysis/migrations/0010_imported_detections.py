"""An analysis may hold what another detector found, imported from a file; then no model version of ours ran."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def refuse_with_imports(apps, schema_editor) -> None:
    """An older version cannot hold what no model of ours found, and verdicts on it are never deleted."""
    count = apps.get_model("analysis", "Analysis").objects.filter(model__isnull=True).count()
    if count:
        raise RuntimeError(
            f"{count} analyses were imported from files; the older version cannot keep them. Go back to a backup from "
            "before, or erase their cases first."
        )


class Migration(migrations.Migration):
    dependencies = [("analysis", "0009_analysis_tile_px")]
    operations = [
        migrations.AlterField(
            "analysis",
            "model",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="analyses",
                to="analysis.modelversion",
            ),
        ),
        migrations.AlterField("analysis", "model_sha256", models.CharField(blank=True, max_length=64)),
        migrations.AddField("analysis", "imported", models.JSONField(blank=True, null=True)),
        migrations.AddField("analysis", "withdrawn", models.DateTimeField(blank=True, null=True)),
        migrations.AddConstraint(
            "analysis",
            models.CheckConstraint(
                condition=Q(model__isnull=False, imported__isnull=True, withdrawn__isnull=True)
                | Q(model__isnull=True, imported__isnull=False),
                name="analysis_by_a_model_or_imported",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_with_imports),
    ]
