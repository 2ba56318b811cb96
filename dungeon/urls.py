"""Addresses: the game's pages, accounts and the admin."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from dungeon import origins

# Staff log in where everybody does: with the second factor, and counted by django-axes.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler400 = "dungeon.origins.bad_request"

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("game.accounts.urls")),
    path("ws/adventures/<uuid:whose>/", origins.socket, name="socket"),
    path("", include("game.urls")),
]
