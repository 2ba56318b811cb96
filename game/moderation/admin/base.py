"""Base classes and helpers of staff's pages."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from game.models import Player


class ReadOnly(admin.ModelAdmin):
    """Rows that the admin shows; only moderation actions change them."""

    actions: Any = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows here."""
        return False


def staff_of(request: HttpRequest) -> Player:
    """The player of a request to the admin, which lets nobody else in."""
    assert isinstance(request.user, Player), "the admin lets nobody else in"
    return request.user
