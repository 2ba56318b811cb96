"""What staff cannot take back, or gives rights, asks for the password again.

allauth remembers for five minutes that it was given (ACCOUNT_REAUTHENTICATION_TIMEOUT).
"""

from allauth.account.internal.flows import reauthentication
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from game.models import Player

# What moderators do to a case and cannot take back, or only with words (game.moderation.actions).
IRREVERSIBLE_ACTIONS = {"delete", "ban"}
# Who has which rights, and with which password. Reading the lists is free.
RIGHTS = ("admin:game_player_", "admin:auth_group_", "admin:auth_user_password_change")
READING = ("_changelist", "_history")
# Installing narrators. What is posted to connect a server holds a key, and is kept nowhere.
NARRATORS = "admin:game_installednarrator_"
WITH_A_KEY = f"{NARRATORS}connect"


def ask_again(request: HttpRequest, player: Player, name: str) -> HttpResponse | None:
    """The way to the password's page, where the view `name` wants it and it was not given lately.

    What was posted is sent again afterwards, unless it may hold a new password.
    """
    if not name.startswith("admin:"):
        return None
    rights = name.startswith(RIGHTS) and not name.endswith(READING)
    # Others are sent away by the admin.
    rights = rights or (name == WITH_A_KEY and player.is_staff)
    installs = name.startswith(NARRATORS) and request.method == "POST" and player.is_staff
    if not (rights or installs or deletes(request, name)):
        return None
    if not reauthentication.is_reauthentication_required(request, app=""):
        return None
    page = way_to_confirm(player)
    if rights or request.method != "POST":
        return redirect_to_login(request.get_full_path(), page)
    answer: HttpResponse = reauthentication.suspend_request(request, page)
    return answer


def deletes(request: HttpRequest, name: str) -> bool:
    """Whether a request deletes something or performs an irreversible action."""
    posted = request.POST if request.method == "POST" else {}
    return (
        name.endswith("_delete")
        or posted.get("action") == "delete_selected"
        or posted.get("deed") in IRREVERSIBLE_ACTIONS
    )


def way_to_confirm(player: Player) -> str:
    """The page that asks for the password, or for an app's code where there is no password."""
    has_password = player.has_usable_password()
    return reverse("account_reauthenticate" if has_password else "mfa_reauthenticate")
