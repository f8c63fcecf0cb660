"""Of a file that the case had already, the slide that it is: apart from the slide that an upload became."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('slides', '0004_erasure'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='duplicate_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='duplicates', to='slides.slide'),
        ),
    ]
