from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slides", "0012_region_kind")]

    operations = [
        migrations.AddField("region", "imported", models.BooleanField(default=False, db_default=False)),
    ]
