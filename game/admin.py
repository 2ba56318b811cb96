"""Django's admin: everything can be listed and edited here.

Turns and adventures are shown with their words for now; who may read them is decided by staff
status alone.
"""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from game import models

admin.site.site_header = "Grue"
admin.site.site_title = "Grue"


@admin.register(models.Player)
class PlayerAdmin(UserAdmin):
    list_display = ("username", "is_guest", "is_staff", "date_joined", "last_login")
    list_filter = ("is_guest", "is_staff", "is_superuser", "is_active")


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
    list_display = ("title", "rank", "listed", "slug")
    list_editable = ("rank", "listed")
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


@admin.register(models.Turn)
class TurnAdmin(admin.ModelAdmin):
    list_display = ("id", "adventure", "kind", "status", "attempt", "narrator", "created", "told")
    list_filter = ("status", "kind", "narrator")
    search_fields = ("id", "adventure__id")
    raw_id_fields = ("adventure", "parent", "player")
    readonly_fields = ("attempt", "created", "told")
    list_select_related = ("adventure",)


@admin.register(models.StoryCard)
class StoryCardAdmin(admin.ModelAdmin):
    list_display = ("title", "scenario", "adventure", "pinned")
    search_fields = ("title", "text")
    raw_id_fields = ("scenario", "adventure")


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
