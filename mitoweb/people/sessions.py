"""How long a session lives: until 30 minutes without a person's request, 12 hours at most (settings)."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.utils import timezone
from django.utils.dateparse import parse_datetime

BEGAN = "began"
EXTEND_EVERY = timedelta(minutes=1)  # the end of a session is moved at most this often


@receiver(user_logged_in)
def note_beginning(request, **kwargs) -> None:
    request.session[BEGAN] = timezone.now().isoformat()


def is_too_old(session) -> bool:
    return timezone.now() - parse_datetime(session[BEGAN]) > settings.SESSION_LONGEST


def extend_session(session) -> None:
    """Move the end of the session, and nothing else of it.

    One UPDATE of the row: saving the whole session could undo what another request of this person writes into it.
    """
    end = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    Session.objects.filter(pk=session.session_key, expire_date__lt=end - EXTEND_EVERY).update(expire_date=end)
