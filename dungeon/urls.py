"""Addresses: the game's pages and the admin."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("", include("game.urls")),
]
