import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from mitoweb.lib.errors import Refused
from mitoweb.people.models import Team, User
from slides.models import Case
from slides.services.importing import FolderContents, Outcome, ReportRow, find_or_create_case, import_slide, scan_folder

PASSES = 2  # each byte is hashed, then kept


class Command(BaseCommand):
    help = (
        "Bring the slides of a folder in. Bad files are reported and passed over; what is here already is known by its "
        "hash, so a run that was stopped goes on when it is started again. Ends with 1 when something was not taken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument(
            "--case", metavar="ACCESSION", help="put all of them into this case, made where it is missing"
        )
        where.add_argument("--case-per-folder", action="store_true", help="each folder in DIR is a case of its name")
        parser.add_argument("--team", required=True, metavar="NAME")
        parser.add_argument("--by", required=True, metavar="USER", help="who brings them, for rights and audit")
        parser.add_argument(
            "--labels-from-names",
            action="store_true",
            help="label slides by the names of their files, which the whole team then sees; only where those name no "
            "patient. Otherwise they are numbered.",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON too")

    def handle(self, *, folder: Path, **options) -> None:
        if not folder.is_dir():
            raise CommandError("There is no such folder.")
        by = User.objects.filter(username=options["by"], is_active=True).first()
        team = Team.objects.visible_to(by).filter(name=options["team"]).first() if by else None
        if by is None or team is None:
            raise CommandError("There is no such person, or they are not in a team of this name.")
        places = _list_case_folders(folder, options["case"])
        total = PASSES * sum(found.bytes for _, contents in places for found in contents.slides)
        with tqdm(total=total, unit="B", unit_scale=True, disable=None, file=self.stderr._out) as bar:
            how = {name: options[name] for name in ("dry_run", "labels_from_names")}
            rows = list(_import_folders(by, team, places, bar, **how))
        self._write_report(rows, options["report"])
        if any(row.outcome.is_bad for row in rows):
            raise CommandError("Some were not taken; the report says why.")

    def _write_report(self, rows: list[ReportRow], path: Path | None) -> None:
        width = max([len(row.name) for row in rows], default=0)
        for row in rows:
            facts = ", ".join(filter(None, [row.case, row.label, row.reason]))
            self.stdout.write(f"{row.name:{width}}  {row.outcome:26}  {facts}".rstrip())
        counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in Outcome}
        said = [f"{count} {outcome}" for outcome, count in counts.items() if count]
        self.stdout.write(f"{len(rows)} found: {', '.join(said) or 'nothing'}.")
        if path is not None:
            summary = {str(outcome): count for outcome, count in counts.items()}
            path.write_text(json.dumps({"counts": summary, "slides": [row.as_json() for row in rows]}, indent=2))


def _list_case_folders(folder: Path, accession: str | None) -> list[tuple[str | None, FolderContents]]:
    """(accession, what lies there); None for files that lie in the folder of no case."""
    if accession is not None:
        return [(accession, scan_folder(folder))]
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found: list[tuple[str | None, FolderContents]] = [
        (path.name, scan_folder(path)) for path in inner if not path.is_symlink()
    ]
    loose = [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return [*found, (None, FolderContents(others=sorted(loose)))]


def _import_folders(
    by: User,
    team: Team,
    places: Iterable[tuple[str | None, FolderContents]],
    bar: tqdm,
    dry_run: bool,
    labels_from_names: bool,
) -> Iterator[ReportRow]:
    for accession, contents in places:
        reason = "It lies in no case's folder." if accession is None else "It is no slide."
        yield from (ReportRow(name, accession or "", Outcome.LEFT_OUT, reason) for name in contents.others)
        if accession is None or not contents.slides:
            continue
        try:
            if dry_run:
                case = Case.objects.filter(team=team, accession=accession).first()
            else:
                case = find_or_create_case(by, team, accession)
        except Refused as refusal:
            yield from (ReportRow(found.name, accession, Outcome.FAILED, str(refusal)) for found in contents.slides)
            continue
        for found in contents.slides:
            row = import_slide(by, case, found, bar.update, dry_run, labels_from_names)
            row.case = accession
            yield row
