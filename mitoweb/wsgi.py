"""The WSGI application that gunicorn serves. It does not come up with unsafe settings."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mitoweb.settings")  # noqa: TID251 before there are settings
django_application = get_wsgi_application()

from mitoweb.checks import stop_if_unsafe  # noqa: E402 they read the settings
from mitoweb.site.charset import Utf8Alone  # noqa: E402
from slides.web_server.fence import why_plain  # noqa: E402

stop_if_unsafe()
application = django_application = Utf8Alone(django_application)
if not why_plain():
    from slides.web_server.shortcut import TileShortcut

    application = TileShortcut(django_application)
