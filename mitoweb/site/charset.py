"""The one charset of text that comes in."""

import re

CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)


class Utf8Alone:
    """A WSGI application that reads addresses, forms and JSON as UTF-8, whatever charset a request claims.

    Our pages send nothing else, nor does JSON (RFC 8259). Django would take the word for the name of one of Python's
    codecs, of which some are no text: it then fails before its middleware could answer.
    """

    def __init__(self, application) -> None:
        self.application = application

    def __call__(self, environ, start_response):
        if "charset" in environ.get("CONTENT_TYPE", "").lower():
            environ["CONTENT_TYPE"] = CHARSET.sub("", environ["CONTENT_TYPE"])
        return self.application(environ, start_response)
