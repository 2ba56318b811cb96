"""The addresses of imports and of the archive of everything."""

from django.urls import path

from game.imports import views

urlpatterns = [
    path("import/", views.import_files, name="import_files"),
    path("import/<uuid:import_id>/", views.one_import, name="import"),
    path("import/<uuid:import_id>/remove/", views.remove_import, name="remove_import"),
    path("everything.grue", views.export_everything, name="export_everything"),
]
