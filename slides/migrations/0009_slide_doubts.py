from django.db import migrations, models


class Migration(migrations.Migration):
    """What a person is asked about a slide. Slides that are there were checked without such questions and have none."""

    dependencies = [("slides", "0008_natural_order")]

    operations = [
        migrations.AddField("slide", "doubts", models.JSONField(blank=True, default=list)),
    ]
