"""Tiles that nginx sends: told where by this process after the permission was read, and by nobody else."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from mitoweb.lib import processes
from slides.files import tile_cache
from tests.live import free_port
from tests.slides.jpeg_slide import LEVEL, jpeg_slide

PREFIX = "/kept-tiles"
DOCUMENT = Path(django_settings.BASE_DIR) / "docs" / "nginx.md"
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {block}
}}
"""


@pytest.fixture
def slide(cast, settings):
    settings.SEND_BY_NGINX = PREFIX
    return jpeg_slide(indexed=False, case=cast.case)


def kept(slide, body: bytes = b"\xff\xd8 a tile \xff\xd9") -> str:
    """A tile in the cache, and its address."""
    assert tile_cache.write_tile(slide.pk, tile_cache.tile_path(slide, LEVEL, 1, 1), body)
    return f"/api/slides/{slide.pk}/image_files/{LEVEL}/1_1.jpeg"


def test_a_kept_tile_is_handed_over_with_its_headers_and_without_its_bytes(cast, slide):
    response = cast.as_(cast.reader).get(kept(slide))
    place = tile_cache.tile_path(slide, LEVEL, 1, 1).relative_to(tile_cache.cache_root())
    assert response["X-Accel-Redirect"] == f"{PREFIX}/{place}"
    assert (response.content, response["Content-Type"]) == (b"", "image/jpeg")
    assert response["ETag"] and response["Cache-Control"].startswith("private")


def test_nobody_without_the_right_is_told_where_a_tile_lies(cast, slide):
    address = kept(slide)
    for who in (cast.stranger, None):
        response = cast.as_(who).get(address)
        assert response.status_code in (401, 404)
        assert "X-Accel-Redirect" not in response


def test_without_nginx_no_place_is_told(cast, slide, settings):
    settings.SEND_BY_NGINX = ""
    response = cast.as_(cast.reader).get(kept(slide))
    assert "X-Accel-Redirect" not in response
    assert response.content.startswith(b"\xff\xd8")


@pytest.fixture
def nginx(tmp_path, slide):
    """The server block of docs/nginx.md with the places of this test, in front of a stand-in for MitoWeb."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not here; install it with: apt-get install nginx-light")
    port, behind = free_port(), free_port()
    block = re.search(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[1]
    block = re.sub(r"listen 443 ssl;.*", f"listen 127.0.0.1:{port};", block)
    block = re.sub(r" *(ssl_|http2).*\n", "", block)
    block = block.replace("127.0.0.1:8000", f"127.0.0.1:{behind}")
    block = block.replace("/srv/mitoweb/var/tiles/", f"{tile_cache.cache_root()}/")
    folder = tmp_path / "nginx"
    folder.mkdir()
    for part in (tmp_path, *tmp_path.parents[:2]):
        part.chmod(0o755)
    user = "user root;" if Path("/root").exists() and shutil.os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, block=block, user=user))
    server = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    yield port, behind, folder
    server.terminate()
    server.wait(10)


def test_nginx_sends_the_tile_with_the_headers_of_this_process(cast, slide, nginx):
    port, behind, folder = nginx
    address = kept(slide)
    ours = cast.as_(cast.reader).get(address)
    with answering(behind, dict(ours.headers)):
        asked = f"http://127.0.0.1:{port}{address}"
        assert processes.wait_until(lambda: answers(asked), 10), (folder / "error.log").read_text()
        with urllib.request.urlopen(asked) as response:
            assert response.read()[: -tile_cache.CHECKSUM.size] == b"\xff\xd8 a tile \xff\xd9"
            for name in ("ETag", "Cache-Control", "Content-Type"):
                assert response.headers[name] == ours[name], name
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Accel-Redirect" not in response.headers
        place = ours["X-Accel-Redirect"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{place}")
        assert refused.value.code == 404  # from outside there is no such place


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except OSError:
        return False
    return True


class answering:
    """A server that gives one answer: no body, these headers."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *exception) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_the_document_names_what_the_product_reads():
    text = DOCUMENT.read_text()
    for needed in ("MITOWEB_SEND_BY_NGINX", "proxy_request_buffering off", "internal;", "MITOWEB_PROXIES", PREFIX):
        assert needed in text
