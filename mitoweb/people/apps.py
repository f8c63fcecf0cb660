from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "mitoweb.people"
    label = "people"
    verbose_name = "People"
