from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("slides", "0007_decoder_died"),
    ]

    operations = [
        migrations.AddField(
            model_name="slide",
            name="bounds",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
