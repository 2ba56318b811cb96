"""What the pages of staff have in common."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from game.models import Player


class ReadOnly(admin.ModelAdmin):
    """Rows that the admin shows and that moderation actions alone change."""

    actions: Any = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def staff_of(request: HttpRequest) -> Player:
    assert isinstance(request.user, Player), "the admin lets nobody else in"
    return request.user
