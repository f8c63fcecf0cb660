"""What another program says, shown as one line; needs the standard library alone, as environment.py does."""

import re
import shutil
import subprocess
import sys
import time

SHOWN_AT_FAILURE = 15
COLLECTING = re.compile(r"Collecting ([\w.-]+)")
DOWNLOADING = re.compile(r"\s*Downloading (?:\S+/)?([\w.]+?)-\d\S*?(?<!\.metadata) \(([^)]+)\)")
BUILDING = re.compile(r"\s*Building wheel for ([\w.-]+)")
UNPACKING = re.compile(r"Installing collected packages: (.+)")


class ProgressLine:
    """One line that says what goes on; rewritten on a terminal, elsewhere written at the start and the end alone."""

    def __init__(self, title, out=sys.stdout):
        self._title, self._out, self._begun = title, out, time.monotonic()
        self._rewrites = out.isatty()
        self._write(f"{title} …", ends=not self._rewrites)

    def show(self, text):
        """What is being done now."""
        if self._rewrites:
            self._write(f"{self._title}: {text}", ends=False)

    def end(self, text):
        """What came of it, with the time that it took."""
        self._write(f"{self._title}: {text} ({time.monotonic() - self._begun:.0f} s)", ends=True)

    def _write(self, text, ends):
        if self._rewrites:
            text = "\r\x1b[2K" + text[: shutil.get_terminal_size().columns - 1]
        self._out.write(text + ("\n" if ends else ""))
        self._out.flush()


class PipSteps:
    """pip's own lines as words for a person; None for a line that says nothing new."""

    def __init__(self):
        self.found = set()

    def __call__(self, line):
        if match := COLLECTING.match(line):
            self.found.add(match.group(1).lower())
            return f"{len(self.found)} found, now {match.group(1)}"
        if match := DOWNLOADING.match(line):
            return "{} found, fetching {} ({})".format(len(self.found), *match.groups())
        if match := BUILDING.match(line):
            return f"building {match.group(1)}"
        if match := UNPACKING.match(line):
            return "unpacking {} packages".format(match.group(1).count(",") + 1)
        return None


def run_in_one_line(command, title, step_of, cwd=None, out=sys.stdout):
    """Run a command behind one line; its own last lines come only where it fails, then CalledProcessError."""
    line, said = ProgressLine(title, out), []
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for text in process.stdout:
            said = [*said, text][-SHOWN_AT_FAILURE:]
            if step := step_of(text):
                line.show(step)
    if process.returncode:
        line.end("stopped")
        out.write("".join(said))
        raise subprocess.CalledProcessError(process.returncode, command)
    line.end("done")
