"""The address where an owner decides who learns from an adventure."""

from django.urls import path

from game.training import views

urlpatterns = [
    path("adventures/<uuid:adventure_id>/learning/", views.learning, name="learning"),
]
