"""Model files on their way in: checked in a process of their own that is closed in and bounded, then copied and
registered. A refused one leaves nothing behind."""

import shutil
import stat
import uuid
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction

from analysis.models import ModelVersion
from analysis.pipeline.cards.card import read_card
from analysis.pipeline.cards.store import MAX_FILE_BYTES, ModelFile, ModelRefused
from analysis.services import gates
from analysis.services.model_standing import State, take_step
from analysis.services.model_versions import hash_file, register_file
from mitoweb.lib.errors import NotNow, Refused
from slides.wsi.errors import CutShort
from slides.wsi.sandbox import one_task

CHECK = "analysis.services.model_check"
CHECK_WALL_S = 180  # on a machine that does much else; alone it takes some ten seconds
CODE = Path(settings.BASE_DIR) / "analysis"


def add_model(
    path: Path, by=None, register_in: Callable = transaction.atomic, note: Callable = lambda model: None
) -> ModelVersion:
    """Take in a model file that lies on this machine, with its card beside it, once it has passed the check. It is
    validated then, held against the version in use where the locked set holds anything, and used after an approval.
    `register_in` gives the transaction, in which `note` hears of it.

    Raises Refused with the sentence; then nothing is left behind.
    """
    facts = check_file(path)
    weights = Path(settings.MODELS_ROOT) / f"{facts['sha256']}.safetensors"
    in_place = path.resolve() == weights.resolve()  # its row was lost: what lies there stays, whatever happens
    try:
        if not in_place:
            _copy_files(path, weights, facts["sha256"])
        card = read_card(weights.with_suffix(".json"))
        with register_in():
            model = register_file(ModelFile(card.name, weights, facts["sha256"], card), shipped=False, by=by)
            take_step(model, State.UPLOADED, by)
            reason = f"Found fit on the crops of the check. {gates.ask_by_itself(model, by)}"
            take_step(model, State.VALIDATED, reason=reason, facts=facts["canary"])
            note(model)
        return model
    except BaseException as error:
        if not in_place:
            weights.unlink(missing_ok=True)
            weights.with_suffix(".json").unlink(missing_ok=True)
        if isinstance(error, ModelRefused):
            raise Refused(str(error), "model_refused") from error
        raise


def check_file(path: Path) -> dict:
    """What the child says of the file: its hash, its name, and what the canary gave (`services.model_check`).

    Raises Refused with the child's sentence, NotNow where the machine cut the check short.
    """
    card = path.with_suffix(".json")
    for each in (path, card):
        refuse_links(each)
    if not path.is_file():
        raise Refused(f"There is no file {path.name}.", "no_such_file")
    _refuse_known(path)
    files = [path.resolve(), card.resolve()]
    try:
        said = one_task.answer_of(CHECK, [str(files[0])], [CODE, *files], None, CHECK_WALL_S)
    except one_task.ChildTooSlow:
        raise Refused(
            f"{path.name} could not be checked within {CHECK_WALL_S} s of work, so it is not used.", "model_refused"
        ) from None
    except one_task.ChildFailed:
        raise Refused(f"{path.name} could not be checked: the check died of it.", "check_failed") from None
    except CutShort:
        raise NotNow(
            f"{path.name} could not be checked: the machine is short of memory or time. Try again later.", "check_busy"
        ) from None
    (facts,) = said["answers"]
    if "refused" in facts:
        raise Refused(facts["refused"], "model_refused")
    return facts


def _refuse_known(path: Path) -> None:
    """Weights or a name that are here already. What the card claims is checked later."""
    if known := ModelVersion.objects.filter(sha256=hash_file(path)).first():
        raise Refused(f"These weights are here already, as {known.name}.", "model_known")
    try:
        name = read_card(path.with_suffix(".json")).name
    except ModelRefused as refusal:
        raise Refused(str(refusal), "model_refused") from refusal
    if ModelVersion.objects.filter(name=name).exists():
        raise Refused(f"There is another model named {name}; give the card a new name.", "name_taken")


def refuse_links(path: Path) -> None:
    """What a link names could be another file when it is copied than when it was checked."""
    if path.is_symlink():
        raise Refused(f"{path.name} is a link; name the file itself.", "model_refused")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise Refused(f"{path.name} is no file.", "model_refused")


def _copy_files(path: Path, weights: Path, digest: str) -> None:
    """Copy weights and card, and make sure that what arrived is what was checked."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    part = weights.with_name(f".{uuid.uuid4().hex}.part")
    try:
        shutil.copyfile(path, part)
        if part.stat().st_size > MAX_FILE_BYTES or sha256(part.read_bytes()).hexdigest() != digest:
            raise Refused(f"{path.name} was changed while it was checked; try again.", "model_changed")
        shutil.copyfile(path.with_suffix(".json"), weights.with_suffix(".json"))
        part.replace(weights)
    finally:
        part.unlink(missing_ok=True)
