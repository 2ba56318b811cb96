"""URLs at the root, since a service worker controls only pages below its own URL."""

from django.urls import path

from game.offline import views

urlpatterns = [
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("worker.js", views.worker, name="worker"),
    path("offline/", views.offline, name="offline"),
]
