"""Actions of staff that are irreversible or give rights ask for the password again.

allauth remembers for five minutes that it was entered (ACCOUNT_REAUTHENTICATION_TIMEOUT).
"""

from allauth.account.internal.flows import reauthentication
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from game.models import Player

# Moderators' actions that cannot be undone, or not fully (game.moderation.actions).
IRREVERSIBLE_ACTIONS = {"delete", "ban"}
# Pages that change rights or passwords. Reading their lists needs no confirmation.
RIGHTS = ("admin:game_player_", "admin:auth_group_", "admin:auth_user_password_change")
READING = ("_changelist", "_history")
# Installing narrators. The form that connects a server holds a key, so its data is never stored.
NARRATORS = "admin:game_installednarrator_"
WITH_A_KEY = f"{NARRATORS}connect"


def require_confirmation(request: HttpRequest, player: Player, name: str) -> HttpResponse | None:
    """Redirect to the page that asks for the password, if the view `name` needs a recent one.

    Returns None where it does not. The posted data is stored and sent again afterwards, unless it
    may hold a new password or a key.
    """
    if not name.startswith("admin:"):
        return None
    rights = name.startswith(RIGHTS) and not name.endswith(READING)
    # The admin refuses everybody else.
    rights = rights or (name == WITH_A_KEY and player.is_staff)
    installs = name.startswith(NARRATORS) and request.method == "POST" and player.is_staff
    if not (rights or installs or deletes(request, name)):
        return None
    if not reauthentication.is_reauthentication_required(request, app=""):
        return None
    page = confirmation_page(player)
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


def confirmation_page(player: Player) -> str:
    """The path of the page that asks for the password, or without one for an app's code."""
    has_password = player.has_usable_password()
    return reverse("account_reauthenticate" if has_password else "mfa_reauthenticate")
