"""Refusals in words. Services raise them and know nothing of HTTP; mitoweb/api_errors.py says how each is answered."""


class Refused(Exception):
    """A request that is understood and not done; nothing was changed.

    `str()` of it is a sentence for people. code: a word for programs. Where one word stands for several cases, a second
    one behind a dot tells them apart ("checksum.differs"); callers of the API are told the first alone.
    fields: what is wrong with each part of what was sent, where a refusal knows that.
    """

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.fields: dict[str, str] = {}


class NotNow(Refused):
    """Nothing is wrong with what was asked for: the same may be done later."""
