"""A verdict may say the phase of a mitosis and that it is atypical, and says what it is given for. Rows of before said
nothing of the first two, and were given to validate a count. Nothing is written to them: they are never changed."""

from django.db import migrations, models
from django.db.models import Q

PHASES = [
    ("prometaphase", "late prophase or prometaphase"),
    ("metaphase", "metaphase"),
    ("ring", "ring"),
    ("anaphase", "anaphase"),
    ("telophase", "telophase"),
]
PURPOSES = [("validate", "to validate a count"), ("correct", "to correct for training")]


class Migration(migrations.Migration):
    dependencies = [("analysis", "0010_imported_detections")]
    operations = [
        migrations.AddField(
            "verdict",
            "phase",
            models.CharField(blank=True, choices=PHASES, db_default="", default="", max_length=20),
        ),
        migrations.AddField("verdict", "atypical", models.BooleanField(db_default=False, default=False)),
        migrations.AddField(
            "verdict",
            "purpose",
            models.CharField(choices=PURPOSES, db_default="validate", default="validate", max_length=10),
        ),
        migrations.AddConstraint(
            "verdict",
            models.CheckConstraint(
                condition=Q(label="mitosis") | Q(phase="", atypical=False), name="verdict_phase_only_for_mitosis"
            ),
        ),
    ]
