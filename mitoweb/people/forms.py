"""What people type on the team, account and invitation pages."""

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from mitoweb.people.models import Role, Team, User
from mitoweb.people.services import LONGEST_TOKEN_DAYS, TOKEN_DAYS


class InviteForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, initial=Role.READER, widget=forms.Select(attrs={"autofocus": True}))
    email = forms.EmailField(required=False, label="E-mail", help_text="To remember who it is for; nothing is sent.")


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class TeamForm(forms.ModelForm):
    class Meta:
        model = Team
        fields = ["name"]


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["first_name", "last_name"]


class TokenForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="What uses it: “export script”.")
    days = forms.IntegerField(min_value=1, max_value=LONGEST_TOKEN_DAYS, initial=TOKEN_DAYS, label="Days it lives")


class AcceptForm(forms.ModelForm):
    """Name and password of a new account. The model's own rules decide about the name, Django's about the password."""

    password1 = forms.CharField(
        label="Password",
        strip=False,
        min_length=12,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters.",
    )
    password2 = forms.CharField(
        label="Password again", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": "Name to sign in with"}
        help_texts = {"username": "Letters, digits and @ . + - _"}

    def clean(self):
        cleaned = super().clean()
        first, second = cleaned.get("password1"), cleaned.get("password2")
        if first and second and first != second:
            self.add_error("password2", "The two passwords differ.")
        elif first:
            try:
                validate_password(first, User(username=cleaned.get("username", "")))
            except ValidationError as error:
                self.add_error("password1", error)
        return cleaned
