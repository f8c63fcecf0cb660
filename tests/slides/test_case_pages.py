"""The list of cases, a case, and the forms."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mitoweb.lib.natural_order import natural_key
from slides.models import Case
from tests.factories import CaseFactory, SlideFactory, UploadFactory

LIST = "/cases/"


def page(cast, who, url=LIST):
    response = cast.as_(who).get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_everyone_of_the_team_sees_its_cases_and_nobody_else(cast):
    for person in (cast.lead, cast.tech, cast.reader, cast.observer):
        assert "26-04417" in page(cast, person)
    assert "26-04417" not in page(cast, cast.stranger)
    assert cast.as_(None).get(LIST).status_code == 302


def test_a_case_of_another_team_does_not_exist(cast):
    url = f"/cases/{cast.case.pk}/"
    assert cast.as_(cast.stranger).get(url).status_code == 404
    assert cast.as_(cast.stranger).get(f"{url}edit/").status_code == 404
    assert cast.as_(cast.observer).get(url).status_code == 200
    assert cast.as_(cast.observer).get(f"{url}edit/").status_code == 403
    assert cast.as_(None).get(url).status_code == 302


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=04417", True),
        ("q=MELANOMA", False),
        ("q=breast nst", True),
        ("q=block B7", True),
        ("tumour=Breast, invasive carcinoma NST", True),
        ("tumour=Melanoma", False),
        ("show=assigned", False),
        ("show=help", False),
        ("show=empty", False),
    ],
)
def test_the_list_is_narrowed_by_words_tumour_and_state(cast, query, found):
    SlideFactory(case=cast.case, label="block B7")
    assert ("26-04417" in page(cast, cast.reader, f"{LIST}?{query}")) is found


def test_assigned_cases_are_found_by_their_reader_only(cast):
    cast.case.readers.add(cast.reader)
    assert "26-04417" in page(cast, cast.reader, f"{LIST}?show=assigned")
    assert "26-04417" not in page(cast, cast.lead, f"{LIST}?show=assigned")


def test_a_slide_without_a_pixel_size_needs_help(cast):
    SlideFactory(case=cast.case, mpp_x=None, mpp_y=None, mpp_source="unknown")
    assert "26-04417" in page(cast, cast.tech, f"{LIST}?show=help")
    assert "Set pixel size…" in page(cast, cast.tech, f"/cases/{cast.case.pk}/")
    assert "Set pixel size…" not in page(cast, cast.reader, f"/cases/{cast.case.pk}/")


def test_refused_files_are_found_until_they_are_put_away(cast):
    fine = SlideFactory(case__team=cast.team, case__accession="26-5").case
    SlideFactory(case=cast.case, state="refused", folder="", reason="A text file.")
    shown = page(cast, cast.tech, f"{LIST}?show=refused")
    assert "26-04417" in shown
    assert fine.accession not in shown
    assert "1 refused" in shown
    assert "Refused 1</a>" in shown
    found = cast.as_(cast.tech).get("/api/cases/?show=refused").json()
    assert [row["accession"] for row in found["results"]] == ["26-04417"]
    cast.case.slides.all().delete()
    assert "26-04417" not in page(cast, cast.tech, f"{LIST}?show=refused")


def test_labels_and_accessions_are_sorted_as_people_count(cast):
    labels = ["Slide 1", "Slide 2", "slide 3", "Slide 10", "Slide 10a", "Slide 100"]
    for label in ("Slide 100", "Slide 10a", "Slide 2", "Slide 10", "slide 3", "Slide 1"):
        SlideFactory(case=cast.case, label=label)
    assert sorted(set(labels), key=natural_key) == labels
    assert [slide.label for slide in cast.case.slides.all()] == labels
    shown = page(cast, cast.reader, f"/cases/{cast.case.pk}/")
    assert sorted(labels, key=lambda label: shown.index(f">{label}</h3>")) == labels
    found = cast.as_(cast.reader).get("/api/slides/").json()
    assert [row["label"] for row in found["results"]] == labels
    for accession in ("26-10", "26-9", "26-100"):
        CaseFactory(team=cast.team, accession=accession)
    shown = page(cast, cast.reader, f"{LIST}?sort=accession")
    at = [shown.index(f"<b>{accession}</b>") for accession in ("26-9", "26-10", "26-100", "26-04417")]
    assert at == sorted(at)


def test_a_page_has_one_search_which_keeps_the_other_filters(cast):
    shown = page(cast, cast.tech, f"{LIST}?q=26&show=help&tumour=Melanoma")
    assert shown.count('type="search"') == 1
    search = shown[shown.index('role="search"') : shown.index("</form>", shown.index('role="search"'))]
    assert 'name="show" value="help"' in search
    assert 'name="tumour" value="Melanoma"' in search
    assert "Clear</a>" in shown


def test_who_may_not_make_cases_is_offered_no_drop(cast):
    assert "drop-dialog" in page(cast, cast.tech)
    assert "drop-dialog" not in page(cast, cast.reader)


def test_a_count_that_a_page_left_for_later_is_a_cell_of_its_own(cast):
    SlideFactory(case=cast.case)
    url = f"/cases/{cast.case.pk}/count/"
    assert "–" in page(cast, cast.observer, url)
    assert cast.as_(cast.stranger).get(url).status_code == 404


def test_cases_are_grouped_by_due_date(cast):
    today = timezone.localdate()
    for days in (-2, 0, 400):
        CaseFactory(team=cast.team, due=today + datetime.timedelta(days=days))
    html = page(cast, cast.lead)
    places = [html.index(name) for name in ("Overdue", "Due today", "Later", "No due date")]
    assert places == sorted(places)
    assert "Due today" not in page(cast, cast.lead, f"{LIST}?sort=changed").split("<table")[1]


def test_an_empty_team_is_told_what_comes_here_and_what_to_do(cast):
    cast.case.delete()
    assert "No cases yet" in page(cast, cast.tech)
    assert 'href="/cases/new/"' in page(cast, cast.tech)
    assert 'href="/cases/new/"' not in page(cast, cast.observer)


def test_long_lists_are_paged(cast):
    CaseFactory.create_batch(60, team=cast.team)
    assert "Page 1 of 2" in page(cast, cast.lead)
    assert "Page 2 of 2" in page(cast, cast.lead, f"{LIST}?page=2")
    assert "Page 2 of 2" in page(cast, cast.lead, f"{LIST}?page=99")


def test_the_list_costs_the_same_queries_for_one_and_for_three_cases(cast):
    def count(cases: int) -> int:
        for _ in range(cases):
            case = CaseFactory(team=cast.team, readers=[cast.reader])
            SlideFactory.create_batch(2, case=case)
        client = cast.as_(cast.lead)
        client.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST).status_code == 200
        return len(queries)

    first = count(1)
    assert count(2) == first


def test_a_case_costs_the_same_queries_for_one_and_for_three_slides(cast):
    client, url, counts = cast.as_(cast.tech), f"/cases/{cast.case.pk}/", []
    for more in (1, 2):
        SlideFactory.create_batch(more, case=cast.case)
        UploadFactory.create_batch(more, case=cast.case, user=cast.tech)
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_case_is_made_and_its_making_is_told_on_its_page(cast):
    client = cast.as_(cast.tech)
    form = {"accession": "26-1", "species": "human", "version": 1, "readers": [cast.reader.pk]}
    response = client.post("/cases/new/", form)
    case = Case.objects.get(accession="26-1")
    assert response.url == f"/cases/{case.pk}/"
    assert list(case.readers.all()) == [cast.reader]
    assert "Case made" in page(cast, cast.observer, response.url)


def test_only_roles_that_edit_make_cases(cast):
    assert cast.as_(cast.observer).get("/cases/new/").status_code == 403
    assert cast.as_(cast.reader).post("/cases/new/", {"accession": "x"}).status_code == 403


def test_the_same_accession_twice_is_told_at_its_field(cast):
    response = cast.as_(cast.tech).post("/cases/new/", {"accession": "26-04417", "species": "human", "version": 1})
    assert "There is a case 26-04417 in this team already." in response.context["form"].errors["accession"]


def test_a_reader_from_another_team_is_not_offered(cast):
    form = {"accession": "26-2", "species": "human", "version": 1, "readers": [cast.stranger.pk]}
    assert "readers" in cast.as_(cast.tech).post("/cases/new/", form).context["form"].errors


def test_an_edit_on_an_old_version_changes_nothing_and_says_so(cast):
    client, url = cast.as_(cast.tech), f"/cases/{cast.case.pk}/edit/"
    form = {"accession": "26-04417", "species": "canine", "version": 1}
    assert client.post(url, form).status_code == 302
    response = client.post(url, form | {"species": "feline"})
    assert "changed meanwhile" in str(response.context["form"].non_field_errors())
    cast.case.refresh_from_db()
    assert (cast.case.species, cast.case.version) == ("canine", 2)


def test_hostile_labels_are_shown_as_text(cast):
    SlideFactory(case=cast.case, label="<script>alert(1)</script>")
    html = page(cast, cast.observer, f"/cases/{cast.case.pk}/")
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_file_names_are_shown_to_their_uploader_only(cast):
    UploadFactory(case=cast.case, user=cast.tech, name="Jane Doe.svs", label="A1")
    assert "Jane Doe" in page(cast, cast.tech, f"/cases/{cast.case.pk}/")
    for other in (cast.mate, cast.lead, cast.admin):
        assert "Jane Doe" not in page(cast, other, f"/cases/{cast.case.pk}/")


def test_all_uploads_of_the_team_have_a_page(cast):
    # A label too long to turn up by chance in the page's random CSRF token, as "B2" once did.
    UploadFactory(case=cast.case, user=cast.tech, label="left-node-B2")
    assert "left-node-B2" in page(cast, cast.reader, "/uploads/")
    assert "left-node-B2" not in page(cast, cast.stranger, "/uploads/")
