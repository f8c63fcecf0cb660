import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """When decoders died, in place of how often: deaths of long ago stop counting, as do those without a time."""

    dependencies = [("slides", "0006_forget_names")]

    operations = [
        migrations.RemoveField("slide", "decoder_deaths"),
        migrations.AddField(
            "slide",
            "decoder_died",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(), blank=True, default=list, size=None
            ),
        ),
    ]
