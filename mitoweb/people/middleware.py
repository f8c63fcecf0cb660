"""What holds for every request: who is let in, how long a session lives."""

from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django_htmx.http import HttpResponseClientRedirect

from mitoweb.people import sessions

POLLS = ("/changes/",)  # what an open page asks by itself is no sign of a person


def is_public(request, view_func) -> bool:
    """Pages are closed unless they say otherwise (`login_not_required`). The API has its own gate (settings)."""
    return not getattr(view_func, "login_required", True) and not request.path.startswith("/api/")


class SessionLifeMiddleware:
    """Ends a session that is too old; moves the end of one that a person uses."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view_func, view_args, view_kwargs):
        # Public views come first: /healthz must not ask the database for a session.
        if is_public(request, view_func) or sessions.BEGAN not in request.session:
            return
        if sessions.is_too_old(request.session):
            logout(request)
        elif not request.path.endswith(POLLS):
            sessions.extend_session(request.session)


class DenyByDefaultMiddleware(LoginRequiredMiddleware):
    """Sends a person who is not signed in to the sign-in, from every page that does not say that it is public."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        # Django asks for the person first, which would cost /healthz a query.
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request, view_func):
        response = super().handle_no_permission(request, view_func)
        # htmx would put the sign-in page into the middle of the page.
        return HttpResponseClientRedirect(response.url) if request.headers.get("HX-Request") else response
