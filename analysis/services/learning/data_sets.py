"""Data sets: what one would hold, freezing it, and handing it to a training.

Freezing is one transaction, which writes what was said and by whom; the patches are cut afterwards by a job
(`analysis/data_set_jobs.py`), which may be killed and goes on.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from analysis.models import DataSet, DataSetRow
from analysis.services.learning.choice import Choice
from analysis.services.learning.keeping_apart import hold_learning
from analysis.services.learning.places import LabelledPlace, label_places
from analysis.services.learning.readers import ReaderShare, cap_readers, describe_readers
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from slides.models import Slide

CUT = "data-set.cut"
ERASE = "data-set.erase"
PATCHES = "patches"  # as the laboratory names them: analysis/lab/learning/data_set_folder.py
LONGEST_NAME = 100
BATCH = 1000


@dataclass(frozen=True)
class Balance:
    """How many places of which kind, over how many cases, slides, readers and verdicts."""

    places: int
    mitoses: int  # settled
    others: int  # settled
    soft: int
    added: int
    validate: int
    correct: int
    cases: int
    slides: int
    readers: int
    verdicts: int


@dataclass(frozen=True)
class Preview:
    """What a choice would freeze. `readers` are told before the cap takes places out, since it is they who are to be
    looked at; `left_out`: (why, how many), the most first; `warnings`: sentences."""

    places: list[LabelledPlace]
    balance: Balance
    readers: list[ReaderShare]
    left_out: list[tuple[str, int]]
    warnings: list[str]


def preview_data_set(choice: Choice, user) -> Preview:
    """Of all slides that the user may see."""
    left_out: Counter[str] = Counter()
    places = label_places(choice, Slide.objects.visible_to(user), left_out)
    readers = describe_readers(places)
    kept, uncapped = cap_readers(places, choice.cap, left_out)
    balance = measure_balance(kept)
    return Preview(kept, balance, readers, left_out.most_common(), _list_warnings(balance, readers, uncapped))


def measure_balance(places: Sequence[LabelledPlace]) -> Balance:
    return Balance(
        places=len(places),
        mitoses=sum(place.label == 1 for place in places),
        others=sum(place.label == 0 for place in places),
        soft=sum(not place.settled for place in places),
        added=sum(place.added for place in places),
        validate=sum(place.purpose == "validate" for place in places),
        correct=sum(place.purpose == "correct" for place in places),
        cases=len({place.slide.case_id for place in places}),
        slides=len({place.slide.pk for place in places}),
        readers=len({vote.reader for place in places for vote in place.votes}),
        verdicts=sum(len(place.votes) for place in places),
    )


def _list_warnings(balance: Balance, readers: list[ReaderShare], uncapped: str) -> list[str]:
    if not balance.places:
        return ["Nothing is left to learn from."]
    told = []
    if not balance.mitoses or not balance.others:
        told.append("Its settled places are of one class alone: nothing can be learned from it.")
    if balance.slides == 1:
        told.append("All of it is of one slide: no case would be left to tell thresholds on.")
    elif balance.cases == 1:
        told.append("All of it is of one case: none would be left to tell thresholds on.")
    if not balance.added:
        told.append("No figure was added by hand: a model that learns from shown detections alone finds fewer.")
    names = map_names([reader.reader for reader in readers if reader.outlying])
    told += [f"{name} differs from the others more than readers do: look at the verdicts." for name in names.values()]
    return told + ([uncapped] if uncapped else [])


def map_names(readers: Sequence[int]) -> dict[int, str]:
    """By id, the user's name; of one who was deleted, that."""
    found = dict(get_user_model().objects.filter(pk__in=readers).values_list("pk", "username"))
    return {reader: found.get(reader, "a reader who was deleted") for reader in readers}


def freeze_data_set(name: str, choice: Choice, by) -> DataSet:
    """Keep what the choice holds now, and queue the cutting of its patches. Refused: a name that is missing or taken,
    and a choice that holds nothing."""
    name = " ".join(name.split())
    if not name:
        raise Refused("A data set needs a name.", "name_missing")
    if len(name) > LONGEST_NAME:
        raise Refused(f"The name has {len(name)} characters; {LONGEST_NAME} are the most.", "name_long")
    try:
        with transaction.atomic():
            hold_learning(shared=True)
            if DataSet.objects.filter(name=name).exists():
                raise _taken(name)
            return _freeze(name, choice, by)
    except IntegrityError as error:
        if "name" in str(error):  # of somebody who froze at the same moment
            raise _taken(name) from error
        raise


def _taken(name: str) -> Refused:
    return Refused(f"There is a data set named {name} already; take another name.", "name_taken")


def _freeze(name: str, choice: Choice, by) -> DataSet:
    preview = preview_data_set(choice, by)
    if not preview.places:
        raise Refused("Nothing to freeze: no verdict is left by these filters and this rule.", "empty")
    data_set = DataSet.objects.create(
        name=name,
        made_by=by,
        choice=choice.as_json(),
        readers=[reader.as_json() for reader in preview.readers],
        left_out=[{"why": why, "count": count} for why, count in preview.left_out],
        warnings=preview.warnings,
    )
    rows = (_make_row(data_set, number, place) for number, place in enumerate(preview.places, 1))
    DataSetRow.objects.bulk_create(rows, batch_size=BATCH)
    data_set.job = core.enqueue(CUT, data_set.pk, created_by=by)
    data_set.save(update_fields=["job"])
    text = f"Data set frozen with {len(preview.places):,} places of {preview.balance.cases:,} cases"
    audit.record_change(by, None, "data_set.freeze", f"data_set {data_set.pk}", text)
    return data_set


def _make_row(data_set: DataSet, number: int, place: LabelledPlace) -> DataSetRow:
    slide = place.slide
    return DataSetRow(
        data_set=data_set,
        number=number,
        case_id=slide.case_id,
        slide=slide,
        x_l0=place.x_l0,
        y_l0=place.y_l0,
        mpp_x=slide.mpp_x,
        mpp_y=slide.mpp_y,
        scanner=slide.scanner,
        tumour=slide.case.tumour_type,
        verdicts=[vote.verdict for vote in place.votes],
        readers=len(place.votes),
        mitoses=place.mitoses,
        label=place.label,
        settled=place.settled,
        purpose=place.purpose,
        added=place.added,
    )


# What it holds ---------------------------------------------------------------------------------------------------
def measure_standing(data_set: DataSet) -> Balance:
    """Of the places that stand in it now, in one query."""
    rows = data_set.rows.standing()
    counts = rows.aggregate(
        places=Count("pk"),
        mitoses=Count("pk", filter=Q(settled=True, label=1)),
        others=Count("pk", filter=Q(settled=True, label=0)),
        soft=Count("pk", filter=Q(settled=False)),
        added=Count("pk", filter=Q(added=True)),
        validate=Count("pk", filter=Q(purpose="validate")),
        correct=Count("pk", filter=Q(purpose="correct")),
        cases=Count("case", distinct=True),
        slides=Count("slide", distinct=True),
        verdicts=Coalesce(Sum("readers"), 0),
    )
    return Balance(**counts, readers=len(data_set.readers))


def list_left_out(data_set: DataSet) -> list[dict]:
    """Why places are not in it, those that left since included: [{"why", "count"}], the most first."""
    told = Counter({row["why"]: row["count"] for row in data_set.left_out})
    told.update(data_set.rows.exclude(left_at=None).values_list("left_why", flat=True))
    return [{"why": why, "count": count} for why, count in told.most_common()]


# Using it --------------------------------------------------------------------------------------------------------
def folder_of(data_set_id: uuid.UUID) -> Path:
    return Path(settings.DATA_SETS_ROOT) / str(data_set_id)


def patch_path(data_set: DataSet, number: int) -> Path | None:
    """Where the patch of a standing place lies; None where there is none (yet)."""
    path = folder_of(data_set.pk) / PATCHES / f"{number:06d}.png"
    return path if data_set.rows.standing().filter(number=number).exists() and path.is_file() else None


def take_for_training(data_set: DataSet, by=None) -> DataSet:
    """Note that a training reads it, inside the transaction that makes the run; from here on none of its cases can be
    locked. Refused until its patches are there."""
    with transaction.atomic():
        hold_learning(shared=True)
        data_set = DataSet.objects.select_for_update().get(pk=data_set.pk)
        if not data_set.is_ready:
            raise Refused(f"The patches of {data_set.name} are still being cut.", "data_set_not_ready")
        if not data_set.rows.standing().exists():
            raise Refused(f"Nothing is left in {data_set.name}.", "empty")
        if data_set.used is None:
            data_set.used = timezone.now()
            data_set.save(update_fields=["used"])
            audit.record_change(by, None, "data_set.use", f"data_set {data_set.pk}", "Used for training")
    return data_set
