"""Send what the table of access declares, as a role, and undo what it did."""

import json
from urllib.parse import urlencode

from django.db import transaction

from tests.meta.access_table import Call, Row
from tests.meta.routes import fill


def call_of(row: Row, method: str) -> Call | None:
    return row.calls.get(method) or (row.calls.get("GET") if method == "HEAD" else None)


def ask(client, world, route: str, row: Row, method: str, role: str, which: str):
    """Send the request as the role, undo what it did, and return the answer."""
    call = call_of(row, method) or Call()
    pk = world.id_of(row.of, which, role if role != "stranger" else "lead") if row.of else None
    if row.of in {"upload", "model_upload"}:
        world.mend_files()
    savepoint = transaction.savepoint()
    try:
        body = call.data(world, pk) if call.data else {}
        answer = send(client, method, fill(route, {"pk": pk, "other": pk, **row.values}), body, call.headers(world, pk))
        answer.body = b"".join(answer) if answer.streaming else answer.content
    finally:
        transaction.savepoint_rollback(savepoint)
    answer.body = answer.body.replace(str(pk).encode(), b"<pk>")
    return answer


def send(client, method: str, address: str, body: dict | bytes, headers: dict):
    if isinstance(body, bytes):
        return client.generic(method, address, body, "application/offset+octet-stream", headers=headers)
    if method in {"GET", "HEAD"}:
        return client.generic(method, address, query_params=body, headers=headers)
    if address.startswith("/api/"):
        return client.generic(method, address, json.dumps(body), "application/json", headers=headers)
    return client.generic(method, address, urlencode(body), "application/x-www-form-urlencoded", headers=headers)
