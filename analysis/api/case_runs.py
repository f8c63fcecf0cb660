"""REST: all slides of a case in one press."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.models import Analysis
from analysis.serializers.runs import CasePlanSerializer, CaseRunsSerializer
from analysis.services import case_runs
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may
from slides.models import Case


class CaseRunsView(APIView):
    @extend_schema(operation_id="cases_analyse_plan", responses=CasePlanSerializer)
    def get(self, request, pk):
        """Which slides of the case one press would analyse, which not and why, and how long it would take."""
        return Response(CasePlanSerializer(case_runs.plan_case(_get_case(request.user, pk))).data)

    @extend_schema(operation_id="cases_analyse", request=None, responses=CaseRunsSerializer)
    def post(self, request, pk):
        """Analyse every slide of the case that is not analysed, with the usual choices; what stopped goes on."""
        case = _get_case(request.user, pk)
        refuse_unless(may(request.user, "analysis.run", case.team))
        analyses, plan = case_runs.analyse_case(case, request.user)
        rows = Analysis.objects.visible_to(request.user).with_facts().filter(pk__in=[each.pk for each in analyses])
        return Response(CaseRunsSerializer({"analyses": rows, "left_out": plan.left_out}).data)


def _get_case(user, pk) -> Case:
    return get_visible(Case.objects.select_related("team"), user, pk=pk)
