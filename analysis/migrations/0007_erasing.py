"""Verdicts and added figures may go with their case, and in no other way: only in a transaction that names the case."""

from django.db import migrations

TABLES = ("analysis_verdict", "analysis_figure")
FUNCTION = """
CREATE FUNCTION refuse_change_but_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM analysis_analysis JOIN slides_slide ON slides_slide.id = analysis_analysis.slide_id
        WHERE analysis_analysis.id = OLD.analysis_id
        AND slides_slide.case_id::text = current_setting('mitoweb.erasing', true)
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are added, never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def trigger(table: str, function: str) -> str:
    return (
        f"DROP TRIGGER {table}_append_only ON {table}; CREATE TRIGGER {table}_append_only "
        f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
    )


class Migration(migrations.Migration):
    dependencies = [("analysis", "0006_subtype_hint"), ("slides", "0002_ingest")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_change_but_erasing();"),
        *(
            migrations.RunSQL(trigger(table, "refuse_change_but_erasing"), trigger(table, "refuse_change"))
            for table in TABLES
        ),
    ]
