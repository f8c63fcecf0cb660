"""Where a request comes from. What a client says of itself is believed only of proxies of ours (settings.PROXIES)."""

import ipaddress

from django.conf import settings

OF_ONE_CLIENT_BITS = 64  # of an IPv6 address: one client has all that begin alike


def find_client_address(environ: dict) -> str:
    """The address as text, "" where there is none (a server on a Unix socket without a proxy).

    `environ` is WSGI's. With n proxies of ours the n-th last word of X-Forwarded-For is what the outermost of them saw;
    what stands before it was written by the client.
    """
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    seen = forwarded.split(",") if forwarded and settings.PROXIES else []
    word = seen[-settings.PROXIES] if len(seen) >= settings.PROXIES > 0 else environ.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(word.strip()))
    except ValueError:
        return ""


def group_of_address(address: str) -> str:
    """What limits count by: the address itself, of IPv6 the network that one client may choose addresses from."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/{OF_ONE_CLIENT_BITS}", strict=False).network_address)
