"""Forms of cases."""

from django import forms

from slides.models import Case
from slides.services.cases import possible_readers


class CaseForm(forms.ModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput)
    readers = forms.ModelMultipleChoiceField(queryset=None, required=False, widget=forms.CheckboxSelectMultiple)

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

    def validate_unique(self) -> None:
        """The service asks the database, which no second request can slip past."""

    def service_values(self) -> dict:
        """What the service takes: all fields but the version."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}
