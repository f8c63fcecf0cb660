from django.db import migrations, models

ERASE = "slides.erase"


def move_erasures(apps, to: str) -> None:
    apps.get_model("jobs", "Job").objects.filter(kind=ERASE, state__in=["queued", "running"]).update(lane=to)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_steps_interruptions_outcome"), ("people", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="lane",
            field=models.CharField(
                choices=[
                    ("ingest", "short jobs: checks of uploads"),
                    ("compute", "long jobs: analyses"),
                    ("erase", "erasures: they wait behind nothing else"),
                ],
                default="compute",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="job", index=models.Index(fields=["lane", "team", "-started"], name="job_turns")
        ),
        migrations.RunPython(
            lambda apps, _: move_erasures(apps, "erase"), lambda apps, _: move_erasures(apps, "ingest"), elidable=True
        ),
    ]
