"""How the API answers what is refused: {"detail": sentence, "code": word, "fields": {field: [sentences]}}.

The one place where a refusal's code gets its HTTP status. `tests/meta/test_errors.py` finds the codes that lack one.
"""

from django.http import UnreadablePostError
from rest_framework import exceptions
from rest_framework.views import exception_handler

from mitoweb.lib.errors import Refused

CODES_BY_STATUS = {
    400: """
        accession.length answer_elsewhere answer_to_answer areas atypical_without_mitosis base bundle check_failed
        checksum choice crossing detections detector empty extension format header label last_lead length link_closed
        member_already metadata model_changed model_not_active model_refused mpp name_long name_missing name_taken
        no_default no_field no_model no_mpp no_pixel_size no_protocol no_scanner no_such_comment no_such_detection
        no_such_figure no_such_file no_walk not_a_number not_drawn number one_class one_slide one_thing optics outside
        outside_region outside_slide phase_without_mitosis pieces points protocol px quality readers reason
        reason.length reason_missing reason_without_not_mitosis recipe region region_elsewhere replay_question
        replay_share rotation seed size slide_missing slide_not_ready team token_life too_coarse too_few_places tumour
        tumours unknown_mode unknown_normaliser
    """,
    403: "not_author permission_denied rights",
    404: "not_found",
    408: "incomplete too_slow",  # clients that speak tus ask for the offset then, and go on
    409: """
        accession approved asked bundle.differs changed_since data_set_not_ready gate_base gate_clause gate_missing
        gate_on_its_way gate_outdated gate_passed held_back id_used imported_already learning_so_already locked_already
        locked_set_empty model_in_use model_known model_not_approved model_state not_done not_imported not_in_use
        not_running not_stopped not_waiting nothing_asked nothing_before nothing_to_analyse nothing_to_draw offset
        protocol_off replay_on_its_way run_twice scene_shown settled size_changed slide_in_doubt stays_on trained_on
        version_taken withdrawn
    """,
    410: "gone",
    411: "length.unknown",
    412: "stale tus_version",
    413: "too_large too_long",
    415: "content_type",
    423: "locked",
    428: "no_if_match",
    429: "pieces.at_once too_many",
    460: "checksum.differs",  # tus' own
    501: "not_implemented",
    503: "check_busy count_busy",
    507: "disk_full no_room quota",
}
STATUS = {code: status for status, codes in CODES_BY_STATUS.items() for code in codes.split()}
RETRY_AFTER_S = {"pieces.at_once": 2, "count_busy": 1}


def status_of(refusal: Refused) -> int:
    return STATUS[refusal.code]


def api_exception_handler(error, context):
    """DRF's answer, with field errors moved under "fields" so that a caller always finds one sentence first."""
    if isinstance(error, UnreadablePostError):  # the client went silent or hung up in the middle of the body
        error = Refused("The request did not come whole.", "incomplete")
    refusal = error if isinstance(error, Refused) else None
    if refusal is not None:
        error = exceptions.APIException(str(refusal), refusal.code.partition(".")[0])
        error.status_code = status_of(refusal)
        error.wait = RETRY_AFTER_S.get(refusal.code)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        fields = response.data if isinstance(response.data, dict) else {"non_field_errors": response.data}
        name, sentence = _find_first(fields)
        detail = sentence if name in ("", "non_field_errors") else f"{name}: {sentence}"
        response.data = {"detail": detail, "code": "invalid", "fields": fields}
    elif isinstance(response.data, dict) and "detail" in response.data:
        code = getattr(response.data["detail"], "code", getattr(error, "default_code", "error"))
        response.data = {"detail": str(response.data["detail"]), "code": code}
        if refusal is not None and refusal.fields:
            response.data["fields"] = {name: [sentence] for name, sentence in refusal.fields.items()}
    return response


def _find_first(errors: object, name: str = "") -> tuple[str, str]:
    """The first sentence of what a serializer found wrong, and the innermost field that it is about.

    Errors of lists and objects within each other lie within each other the same way.
    """
    while isinstance(errors, dict | list):
        if isinstance(errors, dict):
            key, errors = next(((key, inner) for key, inner in errors.items() if inner), ("", ""))
            name = str(key) if not str(key).isdecimal() and key != "non_field_errors" else name or str(key)
        else:
            errors = next((inner for inner in errors if inner), "")
    return name, str(errors)
