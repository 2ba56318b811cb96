"""At the root: a service worker sees the pages below its own address alone."""

from django.urls import path

from game.offline import views

urlpatterns = [
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("worker.js", views.worker, name="worker"),
    path("offline/", views.offline, name="offline"),
]
