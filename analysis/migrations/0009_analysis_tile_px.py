from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analysis', '0008_follow_up_and_nuclei'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysis',
            name='tile_px',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
