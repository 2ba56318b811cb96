"""The URL of an adventure's consent page."""

from django.urls import path

from game.training import views

urlpatterns = [
    path("adventures/<uuid:adventure_id>/learning/", views.learning, name="learning"),
]
