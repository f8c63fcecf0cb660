"""Every command of the README is run: here, by tests/meta/test_run.py (`make run`), or by CI (`make test`)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
# Run elsewhere: the starts by tests/meta/test_run.py, the tests by whoever reads this, the benchmarks by tests of
# their own.
ELSEWHERE = {"make run", "make run PORT=8123", "make setup", "make test"} | {
    f"make bench-{name}" for name in ("task", "detect", "first-mark")
}
DJANGO = {"api_token", "createsuperuser", "import_detections", "import_slides"}


def commands() -> set[str]:
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL))
    inline = re.findall(r"`((?:make|\.venv/bin/\S+) [^`]+)`", README)
    return {line.strip() for line in blocks.splitlines() if line.strip()} | set(inline)


def test_every_command_of_the_readme_is_known_to_a_test():
    for command in commands():
        words = command.split()
        known = command in ELSEWHERE or words[0] == ".venv/bin/mitosis" or (len(words) > 2 and words[2] in DJANGO)
        assert known, f"the README shows `{command}`, which no test runs"


@pytest.mark.parametrize("command", sorted(c for c in commands() if c.startswith(".venv/bin/mitosis")))
def test_the_command_line_of_the_readme_does_what_it_says(command, tmp_path):
    words = command.replace("var/out", str(tmp_path)).split()[1:]
    run = subprocess.run(
        [sys.executable, "-m", "analysis.commands", *words], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert run.returncode == 0, f"`{command}` failed: {run.stderr[-500:]}"
    if "detect" in words:
        found = json.loads((tmp_path / "teaching_sheet.json").read_text())
        assert found["mpp"] == 0.25 and found["detections"], "the README's example finds nothing on the teaching sheet"
    else:
        assert all(model["parameters"] == 3_075_348 for model in json.loads(run.stdout))


def test_the_readme_shows_pictures_that_are_there():
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), f"the README shows {picture}, which is not in the repository"


def test_the_readmes_links_lead_somewhere():
    for link in re.findall(r"(?<!!)\[[^\]]+\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), f"the README links to {link}, which is not there"


def test_the_readmes_figures_are_those_of_the_models_card():
    name = re.search(r"its card, `(analysis/weights/\S+\.json)`", README)[1]
    metrics = json.loads((ROOT / name).read_text())["metrics"]
    left_out, h05 = metrics["development"], metrics["h05"]
    rows = {
        "nine training slides": (left_out["detection"], left_out["patch_margin_carried_over"]),
        "slide H05": (h05["detection"], h05["patch"]),
    }
    for start, (detection, patch) in rows.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| {start}"))
        low, high = next(value for key, value in detection.items() if key.startswith("f1_95"))
        told = [float(figure) for figure in re.findall(r"\b\d\.\d\d\b", row.split("mitoses) |")[1])]
        meant = [detection["f1"], low, high, patch["f1"]]
        assert told == pytest.approx(meant, abs=0.00501), f"the README's row of {start} tells {told}, the card {meant}"
    by_slide = [slide["f1"] for slide in left_out["detection_by_slide"].values()]
    told = re.search(r"by slide the detection F1 runs from (\S+) to (\S+)\. ", README).groups()
    assert [float(end) for end in told] == pytest.approx([min(by_slide), max(by_slide)], abs=0.00501)
    looks, words = h05["looks"] + h05["looks_at_other_versions"], "no one two three four five six seven eight nine ten"
    assert f"looked at {words.split()[looks]} times" in README, f"slide H05 was looked at {looks} times"
    scanner = json.loads((ROOT / "docs" / "model" / "scanner.json").read_text())
    low, high = scanner["detection"]["f1_95_bootstrap_by_case"]
    told = re.search(r"detection F1 is (\S+)\s+\((\S+) to (\S+); (\d+) frames, (\d+) mitoses\)", README).groups()
    meant = [scanner["detection"]["f1"], low, high, scanner["frames"], scanner["mitoses"]]
    assert [float(figure) for figure in told] == pytest.approx(meant, abs=0.00501)
