"""Forms of cases."""

from django import forms

from mitoweb.lib.errors import Refused
from slides.facts import facts
from slides.models import Case
from slides.services.cases import possible_readers


class CaseForm(forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)
    readers = forms.ModelMultipleChoiceField(queryset=None, required=False, widget=forms.CheckboxSelectMultiple)

    protocol = forms.ChoiceField(
        required=False,
        help_text="What the case is counted by. It gives the mitotic part alone, never a grade.",
        error_messages={"invalid_choice": "This protocol is not offered any more; choose another."},
    )

    class Meta:
        model = Case
        fields = ["accession", "tumour_type", "organ", "species", "due", "readers", "note"]
        widgets = {
            "due": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "tumour_type": forms.TextInput(attrs={"list": "tumour-types", "autocomplete": "off"}),
            "note": forms.Textarea(attrs={"rows": 3}),
        }
        help_texts = {
            "accession": "The lab's number of the specimen. No name, no date of birth.",
            "note": "For the readers. No patient data.",
        }

    def __init__(self, *args, team, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].initial = self.instance.version
        self.fields["readers"].queryset = possible_readers(team)
        self.fields["accession"].widget.attrs["autofocus"] = True
        saved = None if self.instance._state.adding else self.instance
        protocols = facts.protocols(saved)
        self.fields["protocol"].choices, self.fields["protocol"].initial = protocols["offered"], protocols["value"]

    def validate_unique(self) -> None:
        """The service asks the database, which no second request can slip past."""

    def show_refusal(self, refusal: Refused) -> None:
        fields = {"accession": "accession", "protocol_off": "protocol", "no_protocol": "protocol"}
        self.add_error(fields.get(refusal.code), str(refusal))

    def service_values(self) -> dict:
        """What the service takes: all fields but the version."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}
