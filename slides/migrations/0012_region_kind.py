import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def erase_what_was_not_there(apps, schema_editor):
    """Going back: without these columns a tumour would be counted in, and what was taken back would stand again."""
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the columns cannot go in the same transaction
    regions = apps.get_model("slides", "Region").objects
    regions.filter(kind="tumour").delete()
    regions.exclude(withdrawn=None).delete()


def person():
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("slides", "0011_slides_of_one_file"),
    ]

    operations = [
        migrations.AddField(
            model_name="region",
            name="kind",
            field=models.CharField(
                choices=[("count", "Counted in"), ("tumour", "Tumour")], default="count", max_length=6
            ),
        ),
        migrations.AddField("region", "further_rings", models.JSONField(blank=True, default=list)),
        migrations.AddField("region", "revision", models.PositiveIntegerField(default=1)),
        migrations.AddField("region", "changed", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("region", "changed_by", person()),
        migrations.AddField("region", "withdrawn", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("region", "withdrawn_by", person()),
        migrations.RunPython(migrations.RunPython.noop, erase_what_was_not_there),
        migrations.AddConstraint(
            model_name="region",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["count", "tumour"])), name="region_kind_known"
            ),
        ),
    ]
