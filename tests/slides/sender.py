"""A client that speaks tus, for tests of uploads."""

import base64
import hashlib

from slides.models import Upload

DATA = bytes(range(250)) * 4  # 1000 bytes
URL = "/api/uploads/"
PIECE = "application/offset+octet-stream"
TUS = {"Tus-Resumable": "1.0.0"}


def encoded(**pairs) -> str:
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in pairs.items())


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.sha256(data).digest()).decode()}"


class Sender:
    """A person's client that speaks tus."""

    def __init__(self, cast, who) -> None:
        self.cast, self.client = cast, cast.as_(who)

    def create(self, length: int | str = 1000, headers=None, **said):
        said = {"filename": "A1.svs", "case": self.cast.case.pk} | said
        sent = TUS | {"Upload-Length": str(length), "Upload-Metadata": encoded(**said)} | (headers or {})
        return self.client.generic(
            "POST", URL, headers={key: value for key, value in sent.items() if value is not None}
        )

    def patch(
        self, url: str, data: bytes = DATA, offset: int | str = 0, content_type: str = PIECE, method="PATCH", **headers
    ):
        sent = TUS | {"Upload-Offset": str(offset)} | {key.replace("_", "-"): value for key, value in headers.items()}
        sent = {key: value for key, value in sent.items() if value is not None}
        if not data:  # of which Django's client would say nothing
            sent |= {"Content-Type": content_type, "Content-Length": "0"}
        return self.client.generic(method, url, data, content_type=content_type, headers=sent)

    def offset(self, url: str) -> int:
        return int(self.client.head(url, headers=TUS)["Upload-Offset"])


def row(url: str) -> Upload:
    return Upload.objects.get(pk=url.split("/")[-2])
