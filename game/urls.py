"""The pages' addresses, as PROTOCOL.md lists them."""

from django.urls import path

from game import views

urlpatterns = [
    path("", views.home, name="home"),
    path("scenarios/", views.scenarios, name="scenarios"),
    path("scenarios/<slug:slug>/", views.scenario, name="scenario"),
    path("scenarios/<slug:slug>/begin/", views.begin, name="begin"),
    path("adventures/", views.adventures, name="adventures"),
    path("adventures/<uuid:adventure_id>/", views.adventure, name="adventure"),
    path("adventures/<uuid:adventure_id>/turns/", views.turns, name="turns"),
    path("adventures/<uuid:adventure_id>/tree/", views.tree, name="tree"),
    path("adventures/<uuid:adventure_id>/export.<str:form>", views.export, name="export"),
    path("adventures/<uuid:adventure_id>/plot/", views.plot, name="plot"),
    path("adventures/<uuid:adventure_id>/rename/", views.rename, name="rename"),
    path("adventures/<uuid:adventure_id>/delete/", views.delete, name="delete"),
    path("operator/<str:token>/", views.operator, name="operator"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
