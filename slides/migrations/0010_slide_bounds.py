from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("slides", "0009_slide_doubts"),
    ]

    operations = [
        migrations.AddField(
            model_name="slide",
            name="bounds",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
