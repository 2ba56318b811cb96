"""Django's admin: everything can be listed and edited here.

What is edited in an adventure goes through turns and adventures, so that open pages show it.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.utils import timezone

from game import adventures, models, turns
from game.accounts import invites
from game.protocol import Refused, clean_text
from game.training.admin import TrainingConsentAdmin, TrainingRunAdmin

__all__ = ["TrainingConsentAdmin", "TrainingRunAdmin"]  # a room's admin registers itself

admin.site.site_header = "Grue"
admin.site.site_title = "Grue"


@admin.register(models.Player)
class PlayerAdmin(UserAdmin):
    list_display = ("username", "is_guest", "is_staff", "date_joined", "last_login")
    list_filter = ("is_guest", "is_staff", "is_superuser", "is_active")


@admin.register(models.Invite)
class InviteAdmin(admin.ModelAdmin):
    """An invite's link is shown once, when it is made."""

    list_display = ("note", "created", "expires", "made_by", "used_by", "used")
    fields = ("note", "expires")

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        return {"expires": timezone.now() + timedelta(days=invites.DAYS)}

    def save_model(self, request: Any, obj: models.Invite, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made, token = invites.make(obj.note, request.user, expires=obj.expires)
        obj.pk, obj.digest = made.pk, made.digest
        link = request.build_absolute_uri(invites.path(token))
        self.message_user(
            request, f"Send this link, which works once and is not shown again: {link}"
        )


class ScenarioCards(admin.StackedInline):
    model = models.StoryCard
    fields = ("title", "keys", "text", "pinned")
    extra = 0


class AdventureCards(admin.StackedInline):
    model = models.StoryCard
    fields = ("title", "keys", "text", "pinned")
    extra = 0


class Members(admin.TabularInline):
    model = models.Membership
    raw_id_fields = ("player",)
    extra = 0


@admin.register(models.Scenario)
class ScenarioAdmin(admin.ModelAdmin):
    list_display = ("title", "author", "rank", "visibility", "hidden", "begun_by", "slug")
    list_editable = ("rank", "visibility", "hidden")
    list_filter = ("visibility", "hidden")
    raw_id_fields = ("author",)
    search_fields = ("title", "tempt", "opening")
    inlines = (ScenarioCards,)


@admin.register(models.Adventure)
class AdventureAdmin(admin.ModelAdmin):
    list_display = ("title", "scenario", "narrator", "created", "changed")
    list_filter = ("scenario", "narrator")
    search_fields = ("title", "id")
    readonly_fields = ("version", "head", "created", "changed")
    date_hierarchy = "created"
    inlines = (Members, AdventureCards)

    def save_model(self, request: Any, obj: models.Adventure, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change:
            adventures.set_plot(obj.pk, obj.memory, obj.authors_note)

    def delete_model(self, request: Any, obj: models.Adventure) -> None:
        adventures.delete(obj.pk)

    def delete_queryset(self, request: Any, queryset: Any) -> None:
        for adventure in queryset:
            adventures.delete(adventure.pk)

    def has_add_permission(self, request: Any) -> bool:
        return False  # an adventure begins with its opening, from a scenario


@admin.register(models.Share)
class ShareAdmin(admin.ModelAdmin):
    list_display = ("adventure", "player", "plot", "hidden", "created", "revoked")
    list_filter = ("hidden", "plot")
    search_fields = ("id", "adventure__id", "adventure__title")
    raw_id_fields = ("adventure", "turn", "player")


@admin.register(models.Begun)
class BegunAdmin(admin.ModelAdmin):
    list_display = ("scenario", "player", "rating", "created")
    list_filter = ("rating",)
    raw_id_fields = ("scenario", "player")


@admin.register(models.Turn)
class TurnAdmin(admin.ModelAdmin):
    list_display = ("id", "adventure", "kind", "status", "attempt", "narrator", "created", "told")
    list_filter = ("status", "kind", "narrator")
    search_fields = ("id", "adventure__id")
    fields = (
        *("action", "reply", "adventure", "parent", "player", "kind", "status", "attempt"),
        *("reason", "narrator", "edited", "created", "told"),
    )
    readonly_fields = fields[2:]  # the rest of a turn changes in turns.py alone
    list_select_related = ("adventure",)

    def save_model(self, request: Any, obj: models.Turn, form: Any, change: bool) -> None:
        try:
            turns.amend_turn(obj, request.user, clean_text(obj.action), clean_text(obj.reply))
        except Refused as refused:
            self.message_user(request, refused.message, messages.ERROR)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: models.Turn | None = None) -> bool:
        return False  # no command destroys words; deleting the adventure does


@admin.register(models.StoryCard)
class StoryCardAdmin(admin.ModelAdmin):
    list_display = ("title", "scenario", "adventure", "pinned")
    search_fields = ("title", "text")
    raw_id_fields = ("scenario", "adventure")


@admin.register(models.Summary)
class SummaryAdmin(admin.ModelAdmin):
    list_display = ("turn", "by", "own", "changed")
    list_filter = ("by",)
    search_fields = ("text",)
    raw_id_fields = ("turn",)
    readonly_fields = ("changed",)


@admin.register(models.TurnContext)
class TurnContextAdmin(admin.ModelAdmin):
    list_display = ("turn", "tokens", "seconds", "first_token_seconds")
    raw_id_fields = ("turn",)
    readonly_fields = ("details",)


@admin.register(models.Edit)
class EditAdmin(admin.ModelAdmin):
    list_display = ("turn", "field", "by", "at")
    raw_id_fields = ("turn", "by")


@admin.register(models.Command)
class CommandAdmin(admin.ModelAdmin):
    list_display = ("type", "adventure", "player", "created")
    list_filter = ("type",)
    raw_id_fields = ("adventure", "player")
    readonly_fields = ("created",)
