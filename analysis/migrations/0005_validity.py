from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analysis", "0004_explanation_revision")]
    operations = [
        migrations.AddField(model_name="analysis", name="validity", field=models.JSONField(blank=True, null=True)),
    ]
