"""The API asked with what schemathesis makes up from its own description: whatever is sent, nothing fails, and what is
answered is what the description says."""

import contextlib
from collections import Counter
from itertools import product

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from mitoweb.people import services

pytestmark = pytest.mark.django_db
ROLES = ["observer", "lead", "administrator"]
EXAMPLES = 1  # of each operation and mode; a lead, whose requests go furthest, asks at the edges too
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
    checks.unsupported_method,
    checks.allow_header_conformance,
]
# Refusals that schemathesis does not count as such, each where a standard asks for it.
REFUSALS = [
    {  # tus 1.0.0: 412 to who names no version of it, or another one
        "include-path-regex": "^/api/uploads/",
        "checks": {
            "missing_required_header": {"expected-statuses": ["400", "403", "412"]},
            "negative_data_rejection": {"expected-statuses": ["400", "403", "404", "405", "409", "412", "415"]},
        },
    },
    {  # RFC 6585: 428 to who changes a case or region without saying which version was read. RFC 9110 13.2: a version
        # that is not the one there is (412) comes before what is wrong with the content.
        "include-path-regex": r"^/api/(cases|regions)/\{id\}/$",
        "checks": {
            "missing_required_header": {"expected-statuses": ["403", "428"]},
            "negative_data_rejection": {"expected-statuses": ["400", "403", "404", "405", "412", "415", "428"]},
        },
    },
]
# Others: the path without its s.
KINDS = {"analyses": "analysis", "iiif": "slide", "locked_set": "lock", "model-uploads": "model_upload"}
KINDS |= {"gate_overrides": "override"}


@pytest.fixture(scope="module")
def tokens(world) -> dict[str, str]:
    return {role: services.make_token(person, "fuzz", 1)[1] for role, person in world.people.items()}


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
    config = SchemathesisConfig.from_dict({"operations": REFUSALS})
    app = get_wsgi_application()
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", app, headers=headers, config=config)
    return [found.ok() for found in schema.get_all_operations()]


def id_for(operation, world, role: str) -> str:
    """The id of an object that the person may see, for the operation's path."""
    noun = operation.path.split("/")[2]
    return str(world.id_of(KINDS.get(noun, noun.removesuffix("s")), "own", role))


def failures_of(case, role: str, token: str) -> list[str]:
    """The request, if the server did not survive it or answered unlike its description, as a command to repeat it.

    What it did is undone.
    """
    failed = []
    savepoint = transaction.savepoint()
    try:
        # As it is: what calls in this process unpacks nothing.
        answer = case.call(headers={"Authorization": f"Token {token}", "Accept-Encoding": "identity"})
    finally:
        transaction.savepoint_rollback(savepoint)
    if answer.status_code >= 500 and answer.status_code not in SAID:
        failed.append(f"{answer.status_code} as {role}: {case.as_curl_command()}")
    try:
        case.validate_response(answer, checks=PROMISES)
    except FailureGroup as group:
        broken = "; ".join(f"{failure.title}: {failure.message[:300]}" for failure in group.exceptions)
        failed.append(f"{answer.status_code} as {role}: {broken}: {case.as_curl_command()}")
    return failed


def is_of_one(operation, mode: GenerationMode) -> bool:
    """Whether the request names an object that is there."""
    return "{id}" in operation.path and bool(mode is GenerationMode.POSITIVE or operation.body)


@pytest.fixture(scope="module")
def make_up(world):
    """Requests made up at random of an operation: (operation, mode, examples) → cases, made once for all roles, since
    to make one takes far longer than to answer it."""

    kept: dict[tuple, list] = {}

    def make(operation, mode: GenerationMode, examples: int) -> list:
        key = operation.label, mode, examples
        if key not in kept:
            kept[key] = make_anew(operation, mode, examples)
        return kept[key]

    def make_anew(operation, mode: GenerationMode, examples: int) -> list:
        known = {"id": id_for(operation, world, "lead")} if is_of_one(operation, mode) else None
        made = []

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
            made.append(case)

        # Where nothing is sent, nothing can be sent wrongly.
        with contextlib.suppress(Unsatisfiable):
            probe()
        return made

    return make


def ask_all(world, operations, tokens, make_up, role: str, examples: int) -> list[str]:
    failed = []
    for operation, mode in product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
        for case in make_up(operation, mode, examples):
            if is_of_one(operation, mode):
                case.path_parameters["id"] = id_for(operation, world, role)
            failed += failures_of(case, role, tokens[role])
    return failed


def cases_at_edges(operation, world, role: str, most: int | None = None):
    """At most `most` requests for each value of an operation's description and kind of edge it has, and one without it.

    Edges are what is longest, least, left out, of another type, sent twice, or asked by another method.
    """
    made = operation.schema.iter_coverage_cases(
        operation,
        generation_modes=list(GenerationMode),
        generation_config=operation.schema.config.generation_for(operation=operation),
    )
    seen = Counter()
    for case in made:
        edge = case.meta.phase.data
        seen[kind := (edge.scenario, edge.parameter_location, edge.parameter)] += 1
        if most and seen[kind] > most:
            continue
        if "{id}" in operation.path and edge.parameter != "id":
            case.path_parameters["id"] = id_for(operation, world, role)
        yield case


def ask_at_edges(world, operations, tokens, role: str, most: int | None = None) -> list[str]:
    return [
        failure
        for operation in operations
        for case in cases_at_edges(operation, world, role, most)
        for failure in failures_of(case, role, tokens[role])
    ]


@pytest.mark.parametrize("role", ROLES)
def test_made_up_requests_never_fail_on_the_server(world, operations, tokens, make_up, role):
    assert len(operations) > 40
    assert not ask_all(world, operations, tokens, make_up, role, EXAMPLES)


def test_requests_at_the_edges_of_the_description_are_answered_as_it_says(world, operations, tokens):
    assert not ask_at_edges(world, operations, tokens, "lead", most=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ["observer", "technician", "lead"])
def test_all_requests_at_the_edges_of_the_description_are_answered_as_it_says(world, operations, tokens, role):
    assert not ask_at_edges(world, operations, tokens, role)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
def test_a_night_of_made_up_requests_never_fails_on_the_server(world, operations, tokens, make_up, role):
    assert not ask_all(world, operations, tokens, make_up, role, examples=100)
