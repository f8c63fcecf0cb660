"""What is left to remove of rows that were erased."""

import uuid

from django.db import models


class ErasureQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ErasureQuerySet":
        """What is left of rows that are gone: ids, for the job that removes the files."""
        return self if user.is_superuser else self.none()


class Erasure(models.Model):
    """Files of rows that were erased, until the job has removed them. Ids and names made by us, nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slides = models.JSONField(default=list)  # ids, by which the cache of tiles is known
    folders = models.JSONField(default=list)
    uploads = models.JSONField(default=list)  # ids, by which part files are named
    jobs = models.JSONField(default=list)  # ids of jobs that may still write; their rows go with the files
    created = models.DateTimeField(auto_now_add=True)

    objects = ErasureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"erasure {self.id}"
