"""Accounts of the demo: made at the first start, with passwords that nobody knows before."""

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.db import transaction

from mitoweb.people.audit import record_change
from mitoweb.people.models import Membership, Role, Team, User

TEAM = "Demo"
ADMINISTRATOR = "administrator"
ACCOUNTS = {
    "admin": ADMINISTRATOR,
    "admin2": ADMINISTRATOR,
    "lead": Role.LEAD,
    "reader1": Role.READER,
    "reader2": Role.READER,
    "reader3": Role.READER,
    "tech": Role.TECHNICIAN,
    "observer": Role.OBSERVER,
}
HEADING = "# name-and-password\n"


def first_login_file() -> Path:
    return settings.VAR_DIR / "first-login.txt"


def make_demo_accounts() -> dict[str, str]:
    """Make the accounts that are missing, with random passwords; returns those made: {name: password}.

    What exists is not touched, and the file with the passwords is written only when accounts were made.
    """
    with transaction.atomic():
        team, _ = Team.objects.get_or_create(name=TEAM)
        there = set(User.objects.filter(username__in=ACCOUNTS).values_list("username", flat=True))
        made = {name: secrets.token_urlsafe(12) for name in ACCOUNTS if name not in there}
        for name, password in made.items():
            role = ACCOUNTS[name]
            if role == ADMINISTRATOR:
                User.objects.create_superuser(name, password=password)
            else:
                Membership.objects.create(user=User.objects.create_user(name, password=password), team=team, role=role)
        if made:
            _write_passwords(made)
            record_change(None, team, "demo.accounts", f"team {team.pk}", f"Demo accounts made: {', '.join(made)}.")
    return made


def _write_passwords(made: dict[str, str]) -> None:
    """Only the owner may read the file, from its first byte on. Lines of accounts that were made anew are replaced."""
    path = first_login_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text().splitlines(keepends=True) if path.exists() else [HEADING]
    kept = [line for line in before if line.split()[:1] and line.split()[0] not in made]
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(kept)
        file.writelines(f"{name} {password}\n" for name, password in made.items())
    new.replace(path)
