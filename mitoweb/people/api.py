"""REST: who am I, my teams, who is in them."""

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from mitoweb.people.models import Team
from mitoweb.people.rights import list_rights
from mitoweb.people.serializers import MemberSerializer, PersonSerializer, TeamSerializer, WhoAmISerializer


class WhoAmI(APIView):
    """The account that asks, its teams, and what it may do in each."""

    @extend_schema(operation_id="whoami", responses=WhoAmISerializer)
    def get(self, request):
        memberships = request.user.memberships.select_related("team").order_by("team__name")
        data = PersonSerializer(request.user).data | {
            "administrator": request.user.is_superuser,
            "memberships": [
                {"team": TeamSerializer(row.team).data, "role": row.role, "may": list_rights(request.user, row.team)}
                for row in memberships
            ],
        }
        return Response(data)


class TeamViewSet(viewsets.ReadOnlyModelViewSet):
    """The teams that the account belongs to (administrators: all)."""

    serializer_class = TeamSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Team.objects.none()  # names the model for the schema; rows come from get_queryset

    def get_queryset(self):
        return Team.objects.visible_to(self.request.user).order_by("name")

    @extend_schema(responses=MemberSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def members(self, request, pk=None):
        """Who is in the team, with roles."""
        rows = self.get_object().memberships.select_related("user").order_by("user__username")
        return Response(MemberSerializer(rows, many=True).data)
