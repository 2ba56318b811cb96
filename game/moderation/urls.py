"""URLs of players' pages of moderation. Staff uses the admin."""

from django.urls import path

from game.moderation import views

urlpatterns = [
    path("policy/", views.policy, name="policy"),
    path("notices/", views.notices, name="notices"),
    path("notices/<uuid:notice_id>/appeal/", views.appeal, name="appeal"),
    path("notices/limit/", views.limit, name="limit"),
    path("adventures/<uuid:adventure_id>/audience/", views.audience, name="audience"),
    path("report/scenario/<slug:slug>/", views.report_scenario, name="report_scenario"),
    path("report/story/<str:token>/<uuid:turn_id>/", views.report_turn, name="report_turn"),
]
