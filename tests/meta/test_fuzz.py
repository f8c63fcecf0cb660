"""The API asked with what schemathesis makes up from its own description: whatever is sent, nothing fails, and what is
answered is what the description says."""

import contextlib

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from mitoweb.people import services

pytestmark = pytest.mark.django_db
ROLES = ["observer", "lead", "administrator"]
EXAMPLES = {"observer": 1, "lead": 3, "administrator": 1}  # of each operation and mode: a lead's requests go furthest
SAID = {503, 507}  # refusals in words: the decoders are busy, the disk is full
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")  # pieces of tus
# What a description promises of answers: statuses, content types, headers, bodies, and that what it forbids is refused.
PROMISES = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
]
KINDS = {"activations": "activation", "analyses": "analysis", "iiif": "slide"}  # others: the path without its s


@pytest.fixture(scope="module")
def tokens(world) -> dict[str, str]:
    return {role: services.make_token(world.people[role], "fuzz", 1)[1] for role in ROLES}


@pytest.fixture(scope="module")
def one_connection():
    """Requests come in as from a real server, which would drop the connection whose transaction holds the world."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def operations(tokens, one_connection) -> list:
    headers = {"Authorization": f"Token {tokens['lead']}"}
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application(), headers=headers)
    return [found.ok() for found in schema.get_all_operations()]


def failures(operation, world, role: str, token: str, mode: GenerationMode, examples: int) -> list[str]:
    """Requests that the server did not survive, or answered unlike its description, as commands to repeat them.

    Each request is undone.
    """
    noun = operation.path.split("/")[2]
    kind = KINDS.get(noun, noun.removesuffix("s"))
    real = "{id}" in operation.path and (mode is GenerationMode.POSITIVE or operation.body)
    known = {"id": str(world.id_of(kind, "own", role))} if real else None
    failed = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=known))
    def probe(case):
        savepoint = transaction.savepoint()
        try:
            answer = case.call(headers={"Authorization": f"Token {token}"})
        finally:
            transaction.savepoint_rollback(savepoint)
        if answer.status_code >= 500 and answer.status_code not in SAID:
            failed.append(f"{answer.status_code} as {role}: {case.as_curl_command()}")
        try:
            case.validate_response(answer, checks=PROMISES)
        except FailureGroup as group:
            broken = "; ".join(f"{failure.title}: {failure.message[:300]}" for failure in group.exceptions)
            failed.append(f"{answer.status_code} as {role}: {broken}: {case.as_curl_command()}")

    # Where nothing is sent, nothing can be sent wrongly.
    with contextlib.suppress(Unsatisfiable):
        probe()
    return failed


def ask_all(world, operations, tokens, role: str, examples: int) -> list[str]:
    return [
        failure
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for failure in failures(operation, world, role, tokens[role], mode, examples)
    ]


@pytest.mark.parametrize("role", ROLES)
def test_made_up_requests_never_fail_on_the_server(world, operations, tokens, role):
    assert len(operations) > 40
    assert not ask_all(world, operations, tokens, role, EXAMPLES[role])


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
def test_a_night_of_made_up_requests_never_fails_on_the_server(world, operations, tokens, role):
    assert not ask_all(world, operations, tokens, role, examples=100)
