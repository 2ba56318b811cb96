"""URLs of players' preferences."""

from django.urls import path

from game.tastes import views

urlpatterns = [path("taste/", views.taste, name="taste")]
