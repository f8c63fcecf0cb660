"""Sign-in, team, account."""

from allauth.account import views as account
from django.conf import settings
from django.urls import path, re_path

from mitoweb.people import views

sign_in = [
    path("accounts/login/", views.SignIn.as_view(), name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("accounts/signup/", account.signup, name="account_signup"),  # answers that it is closed
    path("accounts/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
]
if settings.EMAIL_HOST:  # without e-mail an administrator sets a new password
    sign_in += [
        path("accounts/password/reset/", account.password_reset, name="account_reset_password"),
        path("accounts/password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
        re_path(
            r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
            account.password_reset_from_key,
            name="account_reset_password_from_key",
        ),
        path(
            "accounts/password/reset/key/done/",
            account.password_reset_from_key_done,
            name="account_reset_password_from_key_done",
        ),
    ]

urlpatterns = [
    *sign_in,
    path("invitation/", views.accept_invitation, name="invitation"),
    path("team/", views.team_page, name="team"),
    path("team/switch/", views.switch_team, name="team-switch"),
    path("team/new/", views.new_team, name="team-new"),
    path("team/arrival/", views.change_arrival, name="team-arrival"),
    path("team/invitations/", views.invite_member, name="team-invite"),
    path("team/invitations/<uuid:pk>/revoke/", views.revoke_invitation, name="team-invitation-revoke"),
    path("team/members/<int:pk>/role/", views.change_role, name="team-member-role"),
    path("team/members/<int:pk>/remove/", views.remove_member, name="team-member-remove"),
    path("team/undo/", views.undo_change, name="team-undo"),
    path("account/", views.account_page, name="account"),
    path("account/tokens/", views.new_token, name="account-tokens"),
    path("account/tokens/<uuid:pk>/revoke/", views.revoke_token, name="account-token-revoke"),
]
