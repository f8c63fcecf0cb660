from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analysis", "0003_append_only")]
    operations = [
        migrations.AddField(
            model_name="explanation",
            name="revision",
            field=models.PositiveBigIntegerField(default=0),
            preserve_default=False,
        ),
    ]
