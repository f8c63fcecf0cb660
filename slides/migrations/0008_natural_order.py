from django.db import migrations

from mitoweb.lib.natural_order import natural


class Migration(migrations.Migration):
    dependencies = [("slides", "0007_decoder_died")]

    operations = [
        migrations.AlterModelOptions(name="slide", options={"ordering": [natural("label"), "created"]}),
    ]
