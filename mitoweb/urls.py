"""The map of pages. The map of the REST API is mitoweb/api.py."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from mitoweb import health

urlpatterns = [
    path("", RedirectView.as_view(url="/cases/"), name="home"),
    path("healthz", login_not_required(health.show_liveness), name="healthz"),
    path("readyz", login_not_required(health.show_readiness), name="readyz"),
    path("", include("mitoweb.people.urls")),  # sign-in, team, account
    path("", include("mitoweb.site.urls")),  # jobs, admin
    path("", include("slides.urls")),  # cases, uploads
    path("", include("analysis.urls")),  # viewer, models
    path("api/", include("mitoweb.api")),
]
handler400 = "mitoweb.site.error_pages.page_400"
handler403 = "mitoweb.site.error_pages.page_403"
handler404 = "mitoweb.site.error_pages.page_404"
handler429 = "mitoweb.site.error_pages.page_429"  # allauth asks for it
handler500 = "mitoweb.site.error_pages.page_500"
