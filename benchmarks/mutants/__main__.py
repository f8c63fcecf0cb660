"""How many of a seeded sample of small faults the nearest tests notice.

    python -m benchmarks.mutants [--sample 220] [--seed 1] [--minutes 75] [--place NAME]

Two copies of the committed and changed files take turns, each with a database of its own, so nothing here is touched.
Writes var/bench/mutants.json after each mutant: `killed`, `total`, `share`, and `survivors` by module and line. A run
that is out of time says how many of the sample it did not reach; `killed` and `total` are of those that ran.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.places import PLACES, Place
from benchmarks.mutants.sample import Mutant, draw_sample

PROJECT_ROOT = Path(__file__).resolve().parents[2]
RESULT = PROJECT_ROOT / "var" / "bench" / "mutants.json"
WORKERS = 2
LONGEST_S = 30.0  # on top of ten times what the tests take unchanged: a mutant that hangs is noticed by the clock
PASSED = 0
NOTICED = (1, 2, 3)  # pytest: a test failed, was interrupted by an import that fails, or broke inside


@dataclass(frozen=True)
class Outcome:
    mutant: Mutant
    killed: bool
    change: str


class Copy:
    """A copy of the project with a database of its own, in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        var = folder / "var"
        var.mkdir(parents=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT_ROOT, capture_output=True, check=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (PROJECT_ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT_ROOT / name, self.root / name)
        self.environment = os.environ | {
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",  # bytecode of the code before, of the same second, would run
            "MITOWEB_TEST_RUN": "run ",  # tests.settings then takes the database that is there
            "MITOWEB_VAR": str(var),
            "OMP_NUM_THREADS": "1",
        }
        self.environment.pop("PYTEST_XDIST_WORKER", None)

    def run_tests(self, place: Place, longest_s: float) -> int | None:
        """The exit status of the place's tests, or None where they did not end in time."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--reuse-db", "-p", "no:cacheprovider", *place.tests]
        process = subprocess.Popen(
            [*command, "-m", "not nightly and not browser"],
            cwd=self.root, env=self.environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            self.output = process.communicate(timeout=longest_s)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return None
        return process.returncode

    def try_mutant(self, mutant: Mutant, longest_s: float) -> Outcome:
        path = self.root / mutant.module
        code = path.read_text("utf-8")
        changed = mutant.changed_code(code)
        path.write_text(changed, "utf-8")
        try:
            status = self.run_tests(mutant.place, longest_s)
        finally:
            path.write_text(code, "utf-8")
        if status not in (None, PASSED, *NOTICED):
            raise RuntimeError(f"pytest ended with {status} at {mutant}:\n{self.output}")
        return Outcome(mutant, status != PASSED, _changed_line(code, changed))


def _changed_line(code: str, changed: str) -> str:
    pairs = zip(code.splitlines(), changed.splitlines(), strict=False)
    return next((f"{before.strip()}  →  {after.strip()}" for before, after in pairs if before != after), "")


def measure_places(copy: Copy, places: set[Place]) -> dict[Place, float]:
    """Seconds that each place's tests take unchanged; without them green no mutant says anything."""
    taken: dict[Place, float] = {}
    for place in sorted(places, key=lambda place: place.name):
        copy.run_tests(place, 900)  # makes the database, and warms up
        begun = time.monotonic()
        if copy.run_tests(place, 900) != PASSED:
            raise SystemExit(f"The tests of {place.name} fail without any change:\n{copy.output}")
        taken[place] = time.monotonic() - begun
        print(f"{place.name}: {taken[place]:.1f} s", flush=True)
    return taken


class Report:
    """What is known so far, written after each mutant."""

    def __init__(self, sample: list[Mutant], seed: int) -> None:
        self.sample, self.seed, self.outcomes = sample, seed, []
        self.lock = threading.Lock()

    def add(self, outcome: Outcome) -> None:
        with self.lock:
            self.outcomes.append(outcome)
            mutant = outcome.mutant
            word = "killed" if outcome.killed else "SURVIVED"
            print(
                f"{len(self.outcomes)}/{len(self.sample)} {word} {mutant.module}:{mutant.line} {outcome.change}",
                flush=True,
            )
            self._write()

    def _write(self) -> None:
        killed = sum(outcome.killed for outcome in self.outcomes)
        of_place = Counter(outcome.mutant.place.name for outcome in self.outcomes)
        killed_of_place = Counter(outcome.mutant.place.name for outcome in self.outcomes if outcome.killed)
        facts = {
            "killed": killed,
            "total": len(self.outcomes),
            "share": round(killed / len(self.outcomes), 3),
            "not_reached": len(self.sample) - len(self.outcomes),
            "seed": self.seed,
            "places": {name: {"killed": killed_of_place[name], "total": of_place[name]} for name in sorted(of_place)},
            "survivors": [
                {
                    "module": outcome.mutant.module,
                    "line": outcome.mutant.line,
                    "operator": outcome.mutant.operator,
                    "change": outcome.change,
                }
                for outcome in sorted(self.outcomes, key=lambda o: (o.mutant.module, o.mutant.line))
                if not outcome.killed
            ],
        }
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def print_table(self) -> None:
        facts = json.loads(RESULT.read_text("utf-8"))
        for name, row in facts["places"].items():
            print(f"{name:35} {row['killed']:4} of {row['total']:4}")
        print(f"{'all':35} {facts['killed']:4} of {facts['total']:4}  ({100 * facts['share']:.1f} %)")
        print(f"not reached: {facts['not_reached']}; survivors in {RESULT.relative_to(PROJECT_ROOT)}")


def try_all(copies: list[Copy], report: Report, longest_s: dict[Place, float], ends: float) -> None:
    """Each mutant in whichever copy is free, until `ends` on the monotonic clock."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def try_one(mutant: Mutant) -> None:
        if time.monotonic() > ends:
            return
        copy = free.get()
        report.add(copy.try_mutant(mutant, longest_s[mutant.place]))
        free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        tries = [pool.submit(try_one, mutant) for mutant in report.sample]
        try:
            for one in as_completed(tries):
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=220)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--place", choices=[place.name for place in PLACES])
    chosen = parser.parse_args()
    places = tuple(place for place in PLACES if chosen.place in (None, place.name))
    sample = draw_sample(places, PROJECT_ROOT, chosen.sample, chosen.seed)
    ends = time.monotonic() + 60 * chosen.minutes
    with tempfile.TemporaryDirectory(prefix="mitoweb-mutants-", ignore_cleanup_errors=True) as folder:
        copies = [Copy(Path(folder) / f"copy-{number}") for number in range(WORKERS)]
        taken = measure_places(copies[0], set(places))
        longest_s = {place: LONGEST_S + 10 * seconds for place, seconds in taken.items()}
        report = Report(sample, chosen.seed)
        try_all(copies, report, longest_s, ends)
    report.print_table()


if __name__ == "__main__":
    main()
