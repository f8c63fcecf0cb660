"""Who asks the REST API by a token, and how many wrong tokens may come from one address."""

import logging
import re

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.throttling import SimpleRateThrottle

from mitoweb.lib.client_address import find_client_address, group_of_address
from mitoweb.people.sign_ins import note_lock_out

TOKEN = re.compile(rb"[0-9a-f]{64}")
NOT_IN_FORCE = "This token is not in force: it is unknown, too old, or ended with its password. Make one under Account."
TOO_MANY = "Too many wrong tokens came from your address."
log = logging.getLogger(__name__)


class WrongTokens(SimpleRateThrottle):
    """As many as wrong passwords (settings.ACCOUNT_RATE_LIMITS)."""

    rate = "10/m"

    def get_cache_key(self, request, view) -> str:
        return f"wrong-tokens:{group_of_address(find_client_address(request.META))}"


class LimitedTokenAuthentication(TokenAuthentication):
    """knox's tokens. A token that is in force opens the API also from an address that sent many wrong ones.

    So a forgotten script locks nobody out who sits behind the same router. Nothing is lost by it: 256 random bits are
    not found by trying, and what the limit keeps away is the load.
    """

    def authenticate(self, request):
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            limit = WrongTokens()
            if not limit.allow_request(request, None):
                note_lock_out(request)
                raise Throttled(limit.wait(), TOO_MANY, "too_many") from None
            log.warning("token.refused", extra={"fields": {"address": find_client_address(request.META)}})
            raise

    def authenticate_credentials(self, token: bytes):
        if not TOKEN.fullmatch(token):  # which the database could not be asked for
            raise AuthenticationFailed(NOT_IN_FORCE)
        try:
            return super().authenticate_credentials(token)
        except AuthenticationFailed:
            raise AuthenticationFailed(NOT_IN_FORCE) from None


class LimitedTokenScheme(KnoxTokenScheme):
    """The description of the API calls it what it called knox's own."""

    target_class = LimitedTokenAuthentication
