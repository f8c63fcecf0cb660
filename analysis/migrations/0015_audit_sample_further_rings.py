"""Where an audit was drawn in all of a tumour: its holes and further parts, beside the outline of the largest part."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analysis", "0014_looked_fields")]
    operations = [
        migrations.AddField("auditsample", "further_rings", models.JSONField(blank=True, default=list)),
    ]
