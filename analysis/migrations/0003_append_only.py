"""Verdicts, added figures and detections are never changed: the database refuses it, bulk and raw SQL included."""

from django.db import migrations

TABLES = {
    "analysis_verdict": "UPDATE OR DELETE",
    "analysis_figure": "UPDATE OR DELETE",
    "analysis_detection": "UPDATE",
    "analysis_modelversion": "UPDATE",
}


class Migration(migrations.Migration):
    dependencies = [("analysis", "0002_initial"), ("people", "0002_append_only")]
    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {table}_append_only BEFORE {events} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
            f"DROP TRIGGER {table}_append_only ON {table};",
        )
        for table, events in TABLES.items()
    ]
