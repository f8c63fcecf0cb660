"""What a child that opens slides can reach of the machine: nothing but what it is given."""

import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from slides.wsi.errors import SlideRefused
from slides.wsi.probe import probe
from slides.wsi.sandbox import landlock, limits
from slides.wsi.sandbox.decoder_child import start_child
from slides.wsi.sandbox.limits import ENVIRONMENT, PROJECT_ROOT

HOSTILE = """
import ctypes, json, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from slides.wsi.sandbox import limits

parent, given, foreign, folder, database, port = sys.argv[1:]
limits.leave_network()
limits.limit_self(int(parent), 2048, None, write_bytes=4096)

def connect(kind, address):
    with socket.socket(kind, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)

def fork():
    if os.fork() == 0:
        os._exit(0)

def call(*arguments):
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

TGKILL, SHMGET = {"x86_64": (234, 29), "aarch64": (131, 194)}[os.uname().machine]

def works():
    thread = threading.Thread(target=str)
    thread.start()
    thread.join()

tried = {
    "read what it was given": lambda: Path(given).read_bytes(),
    "write a little into its folder": lambda: (Path(folder) / "small").write_bytes(bytes(100)),
    "start a thread": works,
    "connect to the database": lambda: connect(socket.AF_UNIX, database),
    "connect to this machine": lambda: connect(socket.AF_INET, ("127.0.0.1", int(port))),
    "read another slide": lambda: Path(foreign).read_bytes(),
    "read /etc/shadow": lambda: Path("/etc/shadow").read_bytes(),
    "read what its parent was told": lambda: Path(f"/proc/{PARENT}/environ").read_bytes(),
    "read the memory of its parent": lambda: open(f"/proc/{PARENT}/mem", "rb").close(),
    "open again what its parent holds": lambda: os.listdir(f"/proc/{PARENT}/fd"),
    "see who else has slides": lambda: os.listdir(Path(foreign).parent.parent),
    "write beside its folder": lambda: (Path(folder).parent / "beside").write_bytes(b"x"),
    "cut another slide short": lambda: os.truncate(foreign, 0),
    "remove another slide": lambda: os.unlink(foreign),
    "move another slide to itself": lambda: os.rename(foreign, Path(folder) / "moved"),
    "link another slide to itself": lambda: os.link(foreign, Path(folder) / "linked"),
    "open another slide for all": lambda: os.chmod(foreign, 0o666),
    "signal its parent": lambda: os.kill({PARENT}, 0),
    "signal a thread of its parent": lambda: call(TGKILL, {PARENT}, {PARENT}, 0),
    "signal itself": lambda: signal.raise_signal(signal.SIGURG),
    "see its own limits": lambda: resource.getrlimit(resource.RLIMIT_CPU),
    "limit its parent": lambda: resource.prlimit({PARENT}, resource.RLIMIT_CORE, (0, 0)),
    "slow its parent down": lambda: os.setpriority(os.PRIO_PROCESS, {PARENT}, 0),
    "take its parent's turns": lambda: os.sched_setscheduler({PARENT}, os.SCHED_OTHER, os.sched_param(0)),
    "leave something in the kernel": lambda: call(SHMGET, 0, 4096, 0o600),
    "make itself another root": lambda: os.chroot(folder),
    "lift its bounds": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000)),
    "become another account": lambda: os.setuid(12345),
    "write more than it may": lambda: (Path(folder) / "large").write_bytes(bytes(10_000)),
    "change the slide": lambda: Path(given).write_bytes(b"x"),
    "fork": fork,
    "start a program": lambda: subprocess.run(["/bin/true"]),
}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
done = []
for name, attempt in tried.items():
    try:
        attempt()
    except (OSError, ValueError):
        continue
    done.append(name)
print(json.dumps(done))
"""
WANTED = [
    "read what it was given", "write a little into its folder", "start a thread", "signal itself", "see its own limits",
]  # fmt: skip
EVERYWHERE = {
    "connect to the database", "connect to this machine", "write more than it may", "fork", "start a program",
    "open another slide for all", "signal its parent", "signal a thread of its parent", "limit its parent",
    "slow its parent down", "take its parent's turns", "leave something in the kernel", "make itself another root",
    "lift its bounds", "become another account",
}  # fmt: skip


@pytest.fixture
def attempts(tmp_path):
    """What a hostile child could do: attempts(readable, writable) -> names of what worked."""
    given, foreign, folder = tmp_path / "own" / "slide.svs", tmp_path / "other" / "slide.svs", tmp_path / "work"
    for path in (given, foreign):
        path.parent.mkdir()
        path.write_bytes(b"pixels")
    folder.mkdir()
    database, loopback = socket.socket(socket.AF_UNIX), socket.create_server(("127.0.0.1", 0))
    database.bind(str(tmp_path / ".s.PGSQL.5432"))
    database.listen()
    port = str(loopback.getsockname()[1])

    def attempt() -> list[str]:
        script = HOSTILE.replace("{PARENT}", str(os.getpid()))
        command = [sys.executable, "-s", "-c", script, str(limits.parent_pid()), str(given), str(foreign), str(folder)]
        confined = limits.confined([*command, str(tmp_path / ".s.PGSQL.5432"), port], [given], folder)
        done = subprocess.run(confined, cwd=PROJECT_ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield attempt
    database.close()
    loopback.close()


def needs(*levels: str) -> None:
    if limits.confinement().level not in levels:
        pytest.skip(f"{' or '.join(levels)} does not work on this machine: {limits.confinement().level} does")


def test_a_child_in_bubblewrap_can_do_its_work_and_nothing_else(attempts):
    needs(limits.BUBBLEWRAP)
    assert attempts() == WANTED


@pytest.fixture
def without_bubblewrap(monkeypatch):
    monkeypatch.setattr(limits, "_bubblewrap", lambda: None)
    limits.confinement.cache_clear()
    yield
    monkeypatch.undo()
    limits.confinement.cache_clear()


@pytest.fixture
def without_both(without_bubblewrap, monkeypatch):
    monkeypatch.setattr(landlock, "version", lambda: 0)


def test_a_child_in_landlock_can_do_its_work_and_nothing_else(attempts, without_bubblewrap):
    needs(limits.LANDLOCK)
    assert limits.hides_files()
    assert attempts() == WANTED


def test_without_both_a_child_has_no_network_no_processes_and_writes_within_its_bounds(attempts, without_both):
    assert not limits.hides_files()
    assert not EVERYWHERE & set(attempts())


def test_each_level_says_in_words_what_holds(without_both, monkeypatch):
    for may_unshare, level in ((True, limits.UNSHARE), (False, limits.BOUNDS)):
        monkeypatch.setattr(limits, "_may_unshare", lambda may=may_unshare: may)
        limits.confinement.cache_clear()
        assert limits.confinement().level == level
        assert "bubblewrap" in limits.confinement().sentence


def test_a_slide_is_probed_in_the_sandbox(svs_path):
    needs(limits.BUBBLEWRAP, limits.LANDLOCK)
    assert probe(svs_path).format == "Aperio SVS"


def test_a_decoder_reads_the_folders_it_was_given_alone(svs_path, tmp_path):
    needs(limits.BUBBLEWRAP, limits.LANDLOCK)
    request = {"op": "check", "suffix": None, "timeout_s": 20}
    child = start_child(2048, readable=[svs_path.parent])
    try:
        other = tmp_path / "other.svs"
        other.write_bytes(svs_path.read_bytes())
        assert child.ask([svs_path], request, 20)
        with pytest.raises(SlideRefused, match="not there|cannot be read"):
            child.ask([other], request, 20)
    finally:
        child.kill()


def test_the_end_of_a_child_is_told_alike_inside_a_sandbox_and_without_one():
    killed = [sys.executable, "-c", "import os; os.abort()"]
    for command in (killed, limits.confined(killed, [])):
        status = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=False).returncode
        assert limits.ended_by(status) == "signal 6"
    assert limits.ended_by(1) == "exit status 1"


def test_a_child_in_a_sandbox_dies_with_a_killed_parent():
    needs(limits.BUBBLEWRAP, limits.LANDLOCK)
    script = (
        "import subprocess, sys, time; from slides.wsi.sandbox import limits;"
        "child = subprocess.Popen(limits.confined([sys.executable, '-c', 'import time; time.sleep(60)'], []));"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    assert child.wait(10) is None or not child.is_running()
