"""Django's admin: players, invites and scenarios; game.moderation.admin has the moderators' pages.

Adventures, their turns and cards are not registered: nobody can list or open private stories here.
A reported one is read in its case, where opening the whole story needs a reason.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from game import models
from game.accounts import invites
from game.addresses import in_full
from game.library import writing
from game.moderation import admin as moderation
from game.scenarios import ScenarioError
from game.training.admin import TrainingConsentAdmin, TrainingRunAdmin

__all__ = ["TrainingConsentAdmin", "TrainingRunAdmin", "moderation"]  # imported to register

admin.site.site_header = "Grue"
admin.site.site_title = "Grue"


class PlayerForm(UserChangeForm):
    """Django's form of an account, which refuses staff rights for guests."""

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError where a guest would become staff."""
        found: dict[str, Any] = super().clean() or {}
        if self.instance.is_guest and (found.get("is_staff") or found.get("is_superuser")):
            raise ValidationError(_("A guest cannot be staff: they have to sign up first."))
        return found


@admin.register(models.Player)
class PlayerAdmin(UserAdmin):
    """Accounts and guests, with whether each is a guest."""

    form = PlayerForm
    list_display = ("username", "is_guest", "is_staff", "date_joined", "last_login")
    list_filter = ("is_guest", "is_staff", "is_superuser", "is_active")


@admin.register(models.Invite)
class InviteAdmin(admin.ModelAdmin):
    """Invites. The link is shown once, when the invite is made, and cannot be shown again."""

    list_display = ("note", "created", "expires", "made_by", "used_by", "used")
    fields = ("note", "expires")

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        """A new invite expires after the usual number of days."""
        return {"expires": timezone.now() + timedelta(days=invites.DAYS)}

    def save_model(self, request: Any, obj: models.Invite, form: Any, change: bool) -> None:
        """Store the invite; a new one's link is shown in a message."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made, token = invites.make(obj.note, request.user, expires=obj.expires)
        obj.pk, obj.digest = made.pk, made.digest
        link = in_full(request, invites.path(token))
        self.message_user(
            request, f"Send this link, which works once and is not shown again: {link}"
        )


class ScenarioCards(admin.StackedInline):
    """A scenario's cards, edited on its page."""

    model = models.StoryCard
    fields = ("title", "keys", "text", "pinned")
    extra = 0


@admin.register(models.Scenario)
class ScenarioAdmin(admin.ModelAdmin):
    """Scenarios of the host and published ones of players."""

    list_display = ("title", "author", "rank", "visibility", "hidden", "begun_by", "slug")
    list_editable = ("rank", "visibility", "hidden")
    list_filter = ("visibility", "hidden")
    raw_id_fields = ("author",)
    search_fields = ("title", "tempt", "opening")
    exclude = ("world",)  # its lines are checked in files and on the author's page
    inlines = (ScenarioCards,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Store the cards too, then warn of placeholders that no answer fills."""
        super().save_related(request, form, formsets, change)
        try:
            warnings = writing.warnings_of(form.instance)
        except ScenarioError as problem:
            warnings = [str(problem)]
        for each in warnings:
            self.message_user(request, each, messages.WARNING)

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Scenario]:
        """All scenarios but players' drafts, which only their authors read."""
        drafts = Q(visibility=models.Visibility.PRIVATE, author__isnull=False)
        return super().get_queryset(request).exclude(drafts)
