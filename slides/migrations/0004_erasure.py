"""What is to be removed from the disk after rows were erased."""

import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('slides', '0003_upload_waiting'),
    ]

    operations = [
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('slides', models.JSONField(default=list)),
                ('folders', models.JSONField(default=list)),
                ('uploads', models.JSONField(default=list)),
                ('jobs', models.JSONField(default=list)),
                ('created', models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
