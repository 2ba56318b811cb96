"""Roles of staff: groups with permissions. Members must also be staff to enter the admin.

A migration creates the groups; the host adds people to them in the admin.
"""

from typing import Any

MODERATOR = ("view_case", "view_report", "view_sanction", "decide_case")
SENIOR = (
    *MODERATOR,
    *("sanction", "open_story", "preserve"),
    *("view_appeal", "view_auditentry", "view_preserved"),
)
OPERATOR = (
    *SENIOR,
    *("operate", "view_rulehit"),
    *("view_scenario", "add_scenario", "change_scenario", "delete_scenario"),
    *("view_storycard", "add_storycard", "change_storycard", "delete_storycard"),
    *("view_player", "change_player"),
)
ROLES = {"moderator": MODERATOR, "senior": SENIOR, "operator": OPERATOR}


def make_groups(apps: Any) -> None:
    """Create or update the groups. Permissions that a host added stay."""
    group = apps.get_model("auth", "Group")
    permission = apps.get_model("auth", "Permission")
    for name, codenames in ROLES.items():
        made, _ = group.objects.get_or_create(name=name)
        found = permission.objects.filter(content_type__app_label="game", codename__in=codenames)
        made.permissions.add(*found)
