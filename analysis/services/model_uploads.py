"""A model file on its way in from a browser: begun with its card, received in pieces, checked by a job, and then a
version or refused in words.

What has arrived is the size of the part file (`slides.services.part_file`), so that a dropped connection, a reload or a
restart of the server lose nothing. Of what ends without a version only the row stays.
"""

import os
from pathlib import Path

from django.conf import settings
from django.db import transaction

from analysis.models import ModelUpload, ModelVersion
from analysis.pipeline.cards.card import MAX_CARD_BYTES, read_card
from analysis.pipeline.cards.store import MAX_FILE_BYTES, ModelRefused
from mitoweb.lib.errors import NotNow, Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from mitoweb.people.models import User
from slides import files
from slides.services import part_file
from slides.services.part_file import Readable

KIND = "model.check"
OPEN_PER_USER = 4
WEIGHTS, CARD = "model.safetensors", "model.json"
State = ModelUpload.State


def folder_of(upload: ModelUpload) -> Path:
    """Where its weights and card lie until its end."""
    return Path(settings.UPLOADS_ROOT) / "models" / str(upload.pk)


def begin_upload(card: str, length: int, by) -> ModelUpload:
    """Make room for a weights file of `length` bytes. The card comes first: what it says is refused at once.

    Raises Refused for a card that is none, a name that is here already, and a length that no model has; NotNow where
    this account has too many on their way. Rights are the caller's.
    """
    if not 0 < length <= MAX_FILE_BYTES:
        raise Refused(f"Weights have 1 to {MAX_FILE_BYTES:,} bytes.", "too_large")
    if len(card.encode()) > MAX_CARD_BYTES:
        raise Refused("The card is larger than a card can be.", "too_large")
    upload = ModelUpload(card=card, length=length, by=by)
    folder = folder_of(upload)
    folder.mkdir(parents=True, mode=0o700)
    try:
        (folder / CARD).write_text(card)
        upload.name = _name_in(folder / CARD)
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two windows must not pass the limit together
            if ModelUpload.objects.filter(by=by, state__in=[State.RECEIVING, State.CHECKING]).count() >= OPEN_PER_USER:
                raise NotNow(f"{OPEN_PER_USER} model files are on their way; finish or remove some.", "too_many")
            (folder / WEIGHTS).touch(mode=0o600)
            upload.save(force_insert=True)
            audit.record_change(by, None, "model.upload", f"model upload {upload.pk}", f"Began to send {upload.name}")
    except BaseException:
        files.remove_tree(folder)
        raise
    return upload


def _name_in(card: Path) -> str:
    try:
        name = read_card(card).name
    except ModelRefused as refusal:
        raise Refused(str(refusal), "model_refused") from refusal
    if not isinstance(name, str) or not 0 < len(name) <= 50:
        raise Refused("The card's name has 1 to 50 characters.", "model_refused")
    if ModelVersion.objects.filter(name=name).exists():
        raise Refused(f"There is another model named {name}; give the card a new name.", "name_taken")
    return name


def offset_of(upload: ModelUpload) -> int:
    """How many bytes have arrived."""
    if upload.state != State.RECEIVING:
        return upload.length
    path = folder_of(upload) / WEIGHTS
    return path.stat().st_size if path.exists() else 0


def receive_piece(upload: ModelUpload, offset: int, stream: Readable, length: int) -> int:
    """Append `length` bytes of `stream` at `offset`; the new offset. What arrived before an error is kept. The last
    byte queues the check.
    """
    if upload.state != State.RECEIVING:
        raise Refused("This file has arrived already.", "offset")
    with part_file.lock_part(folder_of(upload) / WEIGHTS) as part:
        if part is None:
            raise Refused("What had arrived is gone; send the file anew.", "gone")
        size = os.fstat(part).st_size
        if offset != size:
            raise Refused(f"{size:,} bytes have arrived, not {offset:,}.", "offset")
        if offset + length > upload.length:
            raise Refused(f"The file is {upload.length:,} bytes long; these would be more.", "too_long")
        if length:
            part_file.append_bytes(part, stream, length)
        size = os.fstat(part).st_size
        if size == upload.length:
            _queue_check(upload)
    return size


def _queue_check(upload: ModelUpload) -> None:
    with transaction.atomic():
        locked = ModelUpload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        if locked.state == State.RECEIVING:
            locked.state, locked.job = State.CHECKING, core.enqueue(KIND, locked.pk, created_by=locked.by)
            locked.save(update_fields=["state", "job"])
    upload.state = State.CHECKING


def cancel_upload(upload: ModelUpload, by) -> None:
    """Stop it and remove what came; of one that ended only the row goes from the list. A version stays."""
    with transaction.atomic():
        upload = ModelUpload.objects.select_for_update(of=("self",)).select_related("job").get(pk=upload.pk)
        if upload.job and not upload.job.ended:
            core.cancel(upload.job, by=by)
        upload.delete()
        text = f"Removed the upload of {upload.name}"
        audit.record_change(by, None, "model.upload_remove", f"model upload {folder_of(upload).name}", text)
    files.remove_tree(folder_of(upload))


def note_refused(upload: ModelUpload, sentence: str) -> None:
    """The check said no. Inside a transaction; done twice it changes nothing."""
    if ModelUpload.objects.filter(pk=upload.pk, state=State.CHECKING).update(state=State.REFUSED, message=sentence):
        text = f"{upload.name} was refused: {sentence}"
        audit.record_change(None, None, "model.refuse", f"model upload {upload.pk}", text)


def note_taken(upload: ModelUpload, model: ModelVersion) -> None:
    """A version has come of it. Inside the transaction that registers it."""
    ModelUpload.objects.filter(pk=upload.pk).update(state=State.TAKEN, model=model, message="")
