"""One line per change, written in the transaction that makes the change."""

from mitoweb.lib.logs import request_id
from mitoweb.people.models import AuditEntry


def record_change(actor, team, action: str, subject: str, text: str) -> AuditEntry:
    """Keep what happened. `subject` is a kind and an id, `text` a sentence without anything that names a patient."""
    return AuditEntry.objects.create(
        actor=actor if getattr(actor, "pk", None) else None,
        team=team,
        action=action,
        subject=subject,
        text=text[:300],
        request_id=request_id.get(),
    )
