"""The page of all uploads of the team."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from mitoweb.people.rights import may
from mitoweb.people.teams import current_team
from slides.api.serializers import UploadSerializer
from slides.models import Upload
from slides.wsi.sets import grouping_rules

UPLOADS_SHOWN = 100


@require_safe
def list_uploads(request):
    team = current_team(request)
    rows = Upload.objects.visible_to(request.user).filter(case__team=team).for_list()[:UPLOADS_SHOWN]
    data = {
        "case": None,
        "may": may(request.user, "slide.upload", team),
        "rows": UploadSerializer(rows, many=True, context={"request": request}).data,
        "grouping": grouping_rules(),
    }
    return render(request, "slides/uploads.html", {"team": team, "upload_data": data, "count": len(rows)})
