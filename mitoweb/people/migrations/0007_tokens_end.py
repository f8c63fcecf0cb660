from datetime import timedelta

from django.db import migrations, models
from django.db.models import F

LIFE = timedelta(days=90)  # what a token gets where nothing else is said


def give_an_end(apps, schema_editor):
    tokens = apps.get_model("people", "ApiToken").objects
    tokens.filter(expiry__isnull=True).update(expiry=F("created") + LIFE)


class Migration(migrations.Migration):
    dependencies = [("people", "0006_analyse_on_arrival")]

    operations = [
        migrations.RunPython(give_an_end, migrations.RunPython.noop),
        migrations.AlterField("apitoken", "expiry", models.DateTimeField()),
    ]
