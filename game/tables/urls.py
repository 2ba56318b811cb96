"""The addresses of tables and of joining them."""

from django.urls import path

from game.tables import join_views, views

urlpatterns = [
    path("join/", join_views.join_by_code, name="join_by_code"),
    path("join/<slug:token>/", join_views.join, name="join"),
    path("adventures/<uuid:adventure_id>/table/", views.table, name="table"),
    path("adventures/<uuid:adventure_id>/table/close/", views.close_table, name="close_table"),
    path("adventures/<uuid:adventure_id>/table/leave/", views.leave_table, name="leave_table"),
    path(
        "adventures/<uuid:adventure_id>/table/character/", views.set_character, name="set_character"
    ),
    path("adventures/<uuid:adventure_id>/table/rules/", views.set_rules, name="set_rules"),
    path("adventures/<uuid:adventure_id>/table/invites/", views.make_invite, name="make_invite"),
    path(
        "adventures/<uuid:adventure_id>/table/invites/<uuid:invite_id>/revoke/",
        views.revoke_invite,
        name="revoke_invite",
    ),
    path(
        "adventures/<uuid:adventure_id>/table/members/<uuid:member_id>/",
        views.change_member,
        name="change_member",
    ),
    path(
        "adventures/<uuid:adventure_id>/table/blocks/<uuid:block_id>/",
        views.unblock,
        name="unblock",
    ),
]
