"""The accounts of the demo: random passwords in a file for the owner alone, made once."""

import stat

import pytest

from mitoweb.people import demo, services
from mitoweb.people.models import User

pytestmark = pytest.mark.django_db
NAMES = ["admin", "admin2", "lead", "reader1", "reader2", "reader3", "tech", "observer"]


@pytest.fixture(autouse=True)
def var(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    return tmp_path


def passwords():
    lines = demo.first_login_file().read_text().splitlines()
    assert lines[0].startswith("#")
    return dict(line.split() for line in lines[1:])


def test_each_account_gets_a_password_that_works_and_its_role():
    services.make_demo_accounts()
    written = passwords()
    assert list(written) == NAMES
    assert all(User.objects.get(username=name).check_password(password) for name, password in written.items())
    assert len(set(written.values())) == len(NAMES)
    roles = {user.username: [row.role for row in user.memberships.all()] for user in User.objects.all()}
    assert roles["lead"] == ["lead"] and roles["tech"] == ["technician"] and roles["observer"] == ["observer"]
    assert roles["reader3"] == ["reader"] and roles["admin"] == []
    assert set(User.objects.filter(is_superuser=True).values_list("username", flat=True)) == {"admin", "admin2"}


def test_only_the_owner_may_read_the_file():
    services.make_demo_accounts()
    assert stat.S_IMODE(demo.first_login_file().stat().st_mode) == 0o600


def test_passwords_differ_from_one_installation_to_the_next():
    first = services.make_demo_accounts()
    User.objects.all().delete()
    second = services.make_demo_accounts()
    assert not set(first.values()) & set(second.values())
    assert passwords() == second


def test_a_second_start_touches_neither_accounts_nor_file():
    services.make_demo_accounts()
    before = demo.first_login_file().read_bytes()
    hashes = list(User.objects.values_list("username", "password").order_by("pk"))
    assert services.make_demo_accounts() == {}
    assert demo.first_login_file().read_bytes() == before
    assert list(User.objects.values_list("username", "password").order_by("pk")) == hashes


def test_an_account_that_is_missing_is_made_and_the_others_keep_their_passwords():
    services.make_demo_accounts()
    before = passwords()
    User.objects.get(username="reader2").delete()
    made = services.make_demo_accounts()
    assert list(made) == ["reader2"]
    assert passwords() == before | made


def test_a_deleted_file_is_not_written_again_since_nobody_knows_the_passwords():
    services.make_demo_accounts()
    demo.first_login_file().unlink()
    services.make_demo_accounts()
    assert not demo.first_login_file().exists()
