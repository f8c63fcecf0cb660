"""Ended uploads lose what may name a patient: the name of the file, and in the reason of a duplicate another's label.

The way back leaves the rows as they are: what was forgotten cannot come again, and suffixes are names too.
"""

from pathlib import PurePosixPath

from django.db import migrations
from django.db.models import F

ENDED = ["waiting", "ready", "refused", "cancelled"]
# As in slides.wsi.sets when this was written; files with other names are DICOM instances.
SUFFIXES = {
    *(".bif", ".bmp", ".dcm", ".dicom", ".jpeg", ".jpg", ".mrxs", ".ndpi", ".png"),
    *(".scn", ".svs", ".svslide", ".tif", ".tiff", ".vms", ".vmu", ".zip"),
}


def forget(apps, schema_editor):
    uploads = apps.get_model('slides', 'Upload').objects
    for upload in uploads.filter(state__in=ENDED).only('name').iterator():
        suffix = PurePosixPath(upload.name).suffix.lower()
        uploads.filter(pk=upload.pk).update(name=suffix if suffix in SUFFIXES else '.dcm')
    reason = 'The same file is in this case already, as another slide.'
    uploads.filter(state='refused', step='already here').update(reason=reason, duplicate_of=F('slide'), slide=None)


def point_at_slides(apps, schema_editor):
    """Before there was `duplicate_of`, duplicates pointed by the other field."""
    duplicates = apps.get_model('slides', 'Upload').objects.filter(step='already here', slide=None)
    duplicates.update(slide=F('duplicate_of'))


class Migration(migrations.Migration):

    dependencies = [
        ('slides', '0005_upload_duplicate_of'),
    ]

    operations = [
        migrations.RunPython(forget, point_at_slides),
    ]
