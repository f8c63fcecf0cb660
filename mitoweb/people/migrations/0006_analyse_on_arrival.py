from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0005_ingest")]

    operations = [
        # The database's default too: a server of the version before goes on making teams while this one comes up.
        migrations.AddField("team", "analyse_on_arrival", models.BooleanField(default=False, db_default=False)),
        migrations.AlterField("team", "analyse_on_arrival", models.BooleanField(default=False)),
    ]
