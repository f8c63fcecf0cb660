"""What a comment cites can be looked up: no tracked file names notes that are not in the repository."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTES = "DESIGN|HOUSE|LOOK|METHODS|PRODUCT|RELIABILITY|STACK|STYLE"
CITED = re.compile(rf"\b({NOTES})(\.md| ?§|'s? | [A-Z]\d)|shared/(?!data\b|tools\b)\w")


def test_no_file_cites_notes_that_are_not_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name and "/vendor/" not in name]
    assert names or listed.returncode, "git lists no files"
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in names
        for number, line in enumerate(_text(ROOT / name).splitlines(), 1)
        if CITED.search(line) and not name.endswith("test_sources.py")
    ]
    assert not found, "cite the paper or another source, or say the fact itself:\n" + "\n".join(found)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (UnicodeDecodeError, FileNotFoundError):  # a picture, or a file that is being moved
        return ""
