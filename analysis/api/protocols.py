"""REST: protocols of counting, and the one of a case. Everybody reads them; versions are made and switched by
administrators.
"""

from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.serializers.protocols import (
    CaseProtocolSerializer,
    ChooseProtocolSerializer,
    NewProtocolSerializer,
    ProtocolDetailSerializer,
    ProtocolKeySerializer,
    ProtocolVersionSerializer,
    SwitchProtocolSerializer,
)
from analysis.services import protocol_changes, protocol_documents, protocols
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may
from slides.models import Case

ADMINISTRATORS = "Protocols are managed by administrators."


class ProtocolsView(APIView):
    @extend_schema(operation_id="protocols_list", responses=ProtocolVersionSerializer(many=True))
    def get(self, request):
        """All versions of all protocols, those that are off too: by name, the newest first."""
        return Response(ProtocolVersionSerializer(protocols.list_protocols(), many=True).data)

    @extend_schema(
        operation_id="protocols_add", request=NewProtocolSerializer, responses={201: ProtocolDetailSerializer}
    )
    def post(self, request):
        """Make a new version of a document. It is off until it is switched on, unless it says that it is on."""
        require_administrator(request.user)
        document, origin = _read_body(request.data)
        made = protocol_changes.add_version(document, request.user, origin)
        return Response(ProtocolDetailSerializer(made).data, status=status.HTTP_201_CREATED)


class ProtocolView(APIView):
    @extend_schema(operation_id="protocols_retrieve", responses=ProtocolDetailSerializer)
    def get(self, request, name, version):
        """One version: what it says, each number with its source, and when it was switched on or off."""
        return Response(ProtocolDetailSerializer(get_version(name, version)).data)


class ProtocolSwitchView(APIView):
    """Switch a version on or off. Cases that have it keep it."""

    on = True

    @extend_schema(request=SwitchProtocolSerializer, responses=ProtocolDetailSerializer)
    def post(self, request, name, version):
        found = get_version(name, version)
        require_administrator(request.user)
        form = SwitchProtocolSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        switched = protocol_changes.switch_version(found, self.on, form.validated_data["reason"], request.user)
        return Response(ProtocolDetailSerializer(switched).data)


@extend_schema_view(post=extend_schema(operation_id="protocols_switch_on", description="Switch a version on."))
class ProtocolOnView(ProtocolSwitchView):
    on = True


@extend_schema_view(post=extend_schema(operation_id="protocols_switch_off", description="Switch a version off."))
class ProtocolOffView(ProtocolSwitchView):
    on = False


class CaseProtocolView(APIView):
    @extend_schema(operation_id="cases_protocol", responses=CaseProtocolSerializer)
    def get(self, request, pk):
        """What the case is counted by, who chose it, and what it would be counted by otherwise."""
        return _describe_case(_get_case(request.user, pk))

    @extend_schema(
        operation_id="cases_choose_protocol", request=ChooseProtocolSerializer, responses=CaseProtocolSerializer
    )
    def put(self, request, pk):
        """Count the case by another protocol from now on. Verdicts stay as they are."""
        case = _get_case(request.user, pk)
        refuse_unless(may(request.user, "protocol.choose", case.team_id))
        form = ChooseProtocolSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        name, number = form.validated_data["name"], form.validated_data["version"]
        version = None if name is None else protocol_changes.find_offered(name, number)
        protocol_changes.choose_for_case(case, version, request.user)
        return _describe_case(case)


def require_administrator(user) -> None:
    refuse_unless(may(user, "protocol.manage", None), ADMINISTRATORS)


def get_version(name: str, number: int) -> protocols.Version:
    version = protocols.find_version(name, number)
    if version is None:
        raise Http404
    return version


def _read_body(body: object) -> tuple[object, protocols.Version | None]:
    """The document of a new version, and the one that it was copied from."""
    if not isinstance(body, dict):
        return body, None
    document: object = {key: value for key, value in body.items() if key != "copied_from"}
    if document.keys() == {"text"} and isinstance(body["text"], str):
        document = protocol_documents.read_text(body["text"])
    if body.get("copied_from") is None:
        return document, None
    key = ProtocolKeySerializer(data=body["copied_from"])
    key.is_valid(raise_exception=True)
    return document, protocol_changes.find_offered(**key.validated_data)


def _get_case(user, pk) -> Case:
    return get_visible(Case.objects.select_related("team"), user, pk=pk)


def _describe_case(case: Case) -> Response:
    choice, default, _ = protocols.choices_of(case)
    return Response(CaseProtocolSerializer(choice, context={"default": default}).data)
