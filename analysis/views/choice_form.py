"""A choice of verdicts as a form, and what its answers ask for."""

from django import forms
from django.db.models import Q
from django.http import QueryDict

from analysis.models import Verdict
from analysis.services.learning.choice import AGREEMENTS, CAP, DISPUTES, LEAST_CAP, PURPOSES, Choice, read_choice
from mitoweb.lib.errors import Refused
from mitoweb.people.models import Team, User
from slides.models import Case, Slide

TICKS = forms.CheckboxSelectMultiple


class ChoiceForm(forms.Form):
    """What is wrong is said by the service, at the field that it is about."""

    use_required_attribute = False
    name = forms.CharField(label="Name", widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}))
    teams = forms.MultipleChoiceField(label="Teams", required=False, widget=TICKS)
    since = forms.CharField(label="First day", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.CharField(label="Last day", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    tumours = forms.MultipleChoiceField(label="Tumours", required=False, widget=TICKS)
    scanners = forms.MultipleChoiceField(label="Scanners", required=False, widget=TICKS)
    purposes = forms.MultipleChoiceField(
        label="Verdicts given", choices=Verdict.Purpose.choices, widget=TICKS, initial=list(PURPOSES), required=False
    )
    agreement = forms.ChoiceField(
        label="A place is taken when",
        choices=[(word, text) for word, text in AGREEMENTS.items()],
        widget=forms.RadioSelect,
        initial="two",
        required=False,
    )
    disputed = forms.ChoiceField(
        label="Places on which readers differ",
        choices=[(word, text) for word, text in DISPUTES.items()],
        widget=forms.RadioSelect,
        initial="soft",
        required=False,
    )
    cap = forms.CharField(
        label="At most from one reader, %",
        initial=f"{CAP:.0%}".rstrip("%"),
        help_text=f"One reader's share of all verdicts, at least {100 * LEAST_CAP:.0f}; 100 is no cap.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    without = forms.MultipleChoiceField(label="Without the verdicts of", required=False, widget=TICKS)

    def __init__(self, answers: QueryDict | None, user) -> None:
        super().__init__(answers)
        slides = Slide.objects.visible_to(user)
        self.fields["teams"].choices = [(team.pk, team.name) for team in Team.objects.visible_to(user)]
        self.fields["tumours"].choices = _list_words(Case.objects.visible_to(user), "tumour_type")
        self.fields["scanners"].choices = _list_words(slides, "scanner")
        readers = Verdict.objects.values("reader").distinct()
        named = User.objects.filter(Q(pk__in=readers)).order_by("username")
        self.fields["without"].choices = list(named.values_list("pk", "username"))

    def full_clean(self) -> None:
        """The service judges, so that page and API are told the same."""
        self._errors, self.cleaned_data = forms.utils.ErrorDict(renderer=self.renderer), {}

    @property
    def name_given(self) -> str:
        return self.data.get("name", "")

    def read_choice(self) -> Choice:
        """Raises Refused."""
        said = self.data
        told = {name: said.getlist(name) for name in ("tumours", "scanners", "purposes")}
        told |= {name: [_as_number(value) for value in said.getlist(name)] for name in ("teams", "without")}
        told |= {name: said.get(name, "") for name in ("since", "until")}
        told |= {name: said[name] for name in ("agreement", "disputed") if said.get(name)}
        if cap := said.get("cap", "").strip().rstrip("%").strip():
            told["cap"] = _as_share(cap)
        return read_choice(told)

    def show_refusal(self, refusal: Refused) -> None:
        for name, sentence in refusal.fields.items() or [(None, str(refusal))]:
            self.add_error(name if name in self.fields else None, sentence)
        if wrong := next((name for name in self.fields if name in self.errors), None):
            self.fields["name"].widget.attrs.pop("autofocus")
            self.fields[wrong].widget.attrs["autofocus"] = True

    def tell_refusal(self, refusal: Refused) -> str:
        """With the names of its fields, where it does not stand at them."""
        told = [f"{self.fields[name].label}: {text}" for name, text in refusal.fields.items() if name in self.fields]
        return " ".join(told) or str(refusal)


def _list_words(rows, column: str) -> list[tuple[str, str]]:
    words = rows.exclude(**{column: ""}).order_by(column).values_list(column, flat=True).distinct()
    return [(word, word) for word in words[:200]]


def _as_number(text: str) -> int | str:
    """What is no number stays text, of which the service says that it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text


def _as_share(text: str) -> float | str:
    try:
        return float(text.replace(",", ".")) / 100
    except ValueError:
        return text
