from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analysis", "0005_validity")]
    operations = [
        migrations.AddField(model_name="explanation", name="subtype_hint", field=models.JSONField(blank=True, null=True)),
    ]
