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
    "404": "Not found, or not your team's: the two look the same.",
}
METHODS = {"get", "post", "put", "patch", "delete"}


def document_errors(result, generator, request, public):
    """A postprocessing hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    for path, operations in result["paths"].items():
        for method in METHODS & operations.keys():
            for status in _errors_of(method, path, operations[method]):
                content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                response = {"description": SENTENCES[status], "content": content}
                operations[method]["responses"].setdefault(status, response)
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
    errors = ["401"]
    if method != "get":
        errors.append("403")
    if "{" in path:
        errors.append("404")
    if "requestBody" in operation or operation.get("parameters"):
        errors.append("400")
    return errors
