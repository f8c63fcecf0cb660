"""What every operation of the API may answer beside its result, written into the OpenAPI description once."""

ERROR = {
    "type": "object",
    "description": "One sentence for people, one word for programs, and the fields that were wrong.",
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": True},
    },
    "required": ["detail", "code"],
}
SENTENCES = {
    "400": "What was sent cannot be read, or is refused; nothing was changed.",
    "401": "Not signed in: no session, or no token that is in force.",
    "403": "The role in this team does not allow it, or the CSRF token is missing.",
    "404": "Not found, or not your team's: the two look the same. Of a list, there is no such page.",
    "406": "There is no such form of the answer.",
    "408": "The piece did not come whole; what came is kept.",
    "409": "It does not go together with what is there, or with what was done meanwhile.",
    "410": "The upload has ended.",
    "411": "What was sent came in chunks, without its length.",
    "412": "It was changed meanwhile, or another version of tus is spoken.",
    "413": "More than is taken at once.",
    "415": "Not of a content type that is read here.",
    "423": "Another request is writing to the upload.",
    "428": "If-Match is missing: the version that was read.",
    "429": "Too many at once, or too many wrong tokens from this address; Retry-After says when to ask again.",
    "460": "The piece is not what its checksum says (tus).",
    "501": "The picture service does not offer this.",
    "503": "The database or all decoders are busy or away; Retry-After says when to ask again.",
    "507": "There is no room for it.",
}
RETRY_AFTER = {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 0}}
HEADERS = {status: {"Retry-After": RETRY_AFTER} for status in ("429", "503")}
OF_UPLOADS = {"400", "404", "408", "409", "410", "411", "412", "413", "415", "423", "460", "507"}
METHODS = {"get", "post", "put", "patch", "delete"}


def document_errors(result, generator, request, public):
    """A postprocessing hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    for path, operations in result["paths"].items():
        for method in METHODS & operations.keys():
            for status in _errors_of(method, path, operations[method]):
                content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                response = {"description": SENTENCES[status], "content": content}
                described = operations[method]["responses"].setdefault(status, response)
                if status in HEADERS:
                    described.setdefault("headers", HEADERS[status])
    return result


def add_summaries(result, generator, request, public):
    """A postprocessing hook: the first sentence of an operation's description is its line in the list."""
    for operations in result["paths"].values():
        for method in METHODS & operations.keys():
            paragraph = " ".join(operations[method].get("description", "").split("\n\n")[0].split())
            if paragraph:
                operations[method].setdefault("summary", paragraph.split(". ")[0].rstrip("."))
    return result


def _errors_of(method: str, path: str, operation: dict) -> list[str]:
    errors = {"401", "403", "406", "429", "503"}
    asked = {parameter["name"] for parameter in operation.get("parameters", [])}
    if "{" in path or "page" in asked or "requestBody" in operation:
        errors.add("404")
    if asked or "requestBody" in operation:
        errors.add("400")
    if "requestBody" in operation:
        errors |= {"411", "413", "415"}
    if method != "get":
        errors.add("409")
    if "If-Match" in asked:
        errors |= {"412", "428"}
    if path.startswith(("/api/uploads/", "/api/model-uploads/")):
        errors |= OF_UPLOADS
    if path.startswith("/api/iiif/"):
        errors |= {"400", "501"}
    return sorted(errors)
