"""New cases and changes to them."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people import audit, rights
from mitoweb.people.models import Membership, Team, User
from slides.facts import facts
from slides.models import Case

FIELDS = ("accession", "tumour_type", "organ", "species", "note", "due")
WORDS = {"tumour_type": "tumour type", "due": "due date"}


def possible_readers(team: Team | int):
    """Members whose role lets them give verdicts."""
    roles = rights.RIGHTS["verdict.give"]
    members = Membership.objects.filter(team=team, role__in=roles).values("user")
    return User.objects.filter(pk__in=members, is_active=True).order_by("username")


def list_unread(cases, user):
    """Of a queryset: those assigned to the user that hold something not judged by them."""
    return facts.unread(cases.assigned_to(user), user)


def create_case(by, team: Team, *, readers=(), protocol="", **values) -> Case:
    _refuse_strangers(readers, team)
    with _one_accession(values.get("accession", "")), transaction.atomic():
        case = Case.objects.create(team=team, created_by=by, **values)
        case.readers.set(readers)
        audit.record_change(by, team, "case.create", f"case {case.pk}", "Case made")
        if protocol:
            facts.choose_protocol(by, case, protocol)
    return case


def edit_case(by, case: Case, expected_version: int, *, readers=None, protocol=None, **values) -> Case:
    """Change what is given; Refused (stale) when the version is not the expected one."""
    if readers is not None:
        _refuse_strangers(readers, case.team)
    with _one_accession(values.get("accession", "")), transaction.atomic():
        case = lock_case(case.pk)
        if case.version != expected_version:
            raise Refused(
                f"The case was changed meanwhile (it is at version {case.version}); nothing was saved.", "stale"
            )
        changed = [name for name in FIELDS if name in values and getattr(case, name) != values[name]]
        for name in changed:
            setattr(case, name, values[name])
        if readers is not None and set(case.readers.all()) != set(readers):
            case.readers.set(readers)
            changed.append("readers")
        if changed:
            case.version += 1
            case.save()
            words = ", ".join(WORDS.get(name, name) for name in changed)
            audit.record_change(by, case.team, "case.edit", f"case {case.pk}", f"Changed: {words}")
        if protocol is not None:
            facts.choose_protocol(by, case, protocol)
    return case


def lock_case(case_id) -> Case:
    """Whoever changes slides or uploads of a case holds its row first (after the job's, before all others).

    The weaker lock (no key) lets rows that only refer to the case be written meanwhile.
    """
    return Case.objects.select_for_update(no_key=True).get(pk=case_id)


def mark_changed(case: Case) -> None:
    """Something of the case changed: it moves to the top of those changed last."""
    case.save(update_fields=["changed"])


def mark_case_of_slide_changed(slide_id) -> None:
    """The same where only the slide is at hand, in one query. Outside, or first in, a transaction that writes what was
    made from the slide: of these rows the case's is locked first."""
    Case.objects.filter(slides=slide_id).update(changed=timezone.now())


def _refuse_strangers(readers, team: Team) -> None:
    if set(readers) - set(possible_readers(team)):
        raise Refused("Readers are members of the team who may give verdicts.", "readers")


class _one_accession:  # noqa: N801 reads as a statement
    """Turns the database's refusal of a second case with the same accession into a sentence."""

    def __init__(self, accession: str) -> None:
        self.accession = accession

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, IntegrityError) and "accession_once_per_team" in str(error):
            raise Refused(f"There is a case {self.accession} in this team already.", "accession") from error
