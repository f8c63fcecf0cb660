"""People and teams in the API."""

from rest_framework import serializers

from mitoweb.people.models import Membership, Role, Team


class ReaderSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    initials = serializers.CharField()


class PersonSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField(source="get_full_name")
    initials = serializers.CharField()


class TeamSerializer(serializers.ModelSerializer):
    class Meta:
        model = Team
        fields = ["id", "name", "activation_needs_second_admin", "created"]


class MemberSerializer(serializers.ModelSerializer):
    user = PersonSerializer()
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "created"]


class OwnMembershipSerializer(serializers.Serializer):
    team = TeamSerializer()
    role = serializers.ChoiceField(choices=Role.choices)
    may = serializers.DictField(child=serializers.BooleanField(), help_text="Each right with whether this role has it.")


class WhoAmISerializer(PersonSerializer):
    administrator = serializers.BooleanField(source="is_superuser")
    memberships = OwnMembershipSerializer(many=True)
