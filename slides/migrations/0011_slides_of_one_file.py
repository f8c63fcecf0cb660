from django.db import migrations, models
from django.db.models import Q

TAKEN = ~Q(sha256="") & ~Q(state="refused")


def forget_hashes(apps, schema_editor):
    """Going back: what shows another picture of a file that a slide has is no longer known by the file's hash."""
    apps.get_model("slides", "Slide").objects.filter(scene__gt=0).update(sha256="")


class Migration(migrations.Migration):
    dependencies = [
        ("slides", "0010_slide_bounds"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="slide", name="slide_once_per_case"),
        migrations.RunPython(migrations.RunPython.noop, forget_hashes),
        migrations.AddConstraint(
            model_name="slide",
            constraint=models.UniqueConstraint(
                fields=["case", "sha256", "scene"], condition=TAKEN, name="slide_once_per_case"
            ),
        ),
    ]
