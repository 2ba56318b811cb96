"""The library's addresses."""

from django.urls import path

from game.library import adventure_views, scenario_views, share_views, writing_views

urlpatterns = [
    path("", scenario_views.home, name="home"),
    path("scenarios/", scenario_views.scenarios, name="scenarios"),
    path("scenarios/mine/", writing_views.mine, name="my_scenarios"),
    path("scenarios/new/", writing_views.new, name="new_scenario"),
    path("scenarios/import/", writing_views.import_scenario, name="import_scenario"),
    path("scenarios/<slug:slug>/edit/", writing_views.edit, name="edit_scenario"),
    path("scenarios/<slug:slug>/publish/", writing_views.publish, name="publish_scenario"),
    path("scenarios/<slug:slug>/delete/", writing_views.delete, name="delete_scenario"),
    path("scenarios/<slug:slug>/restore/", writing_views.restore, name="restore_scenario"),
    path("scenarios/<slug:slug>/undo/", writing_views.undo, name="undo_scenario"),
    path("scenarios/<slug:slug>/export.yaml", writing_views.export, name="export_scenario"),
    path("scenarios/<slug:slug>/", scenario_views.scenario, name="scenario"),
    path("scenarios/<slug:slug>/begin/", scenario_views.begin, name="begin"),
    path("scenarios/<slug:slug>/rate/", scenario_views.rate, name="rate"),
    path("adventures/", adventure_views.list_adventures, name="adventures"),
    path("adventures/<uuid:adventure_id>/rename/", adventure_views.rename, name="rename"),
    path(
        "adventures/<uuid:adventure_id>/archive/", adventure_views.archive_adventure, name="archive"
    ),
    path("adventures/<uuid:adventure_id>/duplicate/", adventure_views.duplicate, name="duplicate"),
    path("adventures/<uuid:adventure_id>/delete/", adventure_views.delete, name="delete"),
    path("adventures/<uuid:adventure_id>/restore/", adventure_views.restore, name="restore"),
    path("adventures/<uuid:adventure_id>/purge/", adventure_views.purge, name="purge"),
    path(
        "adventures/<uuid:adventure_id>/turns/<uuid:turn_id>/share/",
        share_views.share,
        name="share",
    ),
    path("shares/", share_views.mine, name="shares"),
    path("shares/<uuid:share_id>/update/", share_views.update, name="update_share"),
    path("shares/<uuid:share_id>/revoke/", share_views.revoke, name="revoke"),
    path("shares/<uuid:share_id>/restore/", share_views.restore, name="restore_share"),
    path("s/<slug:token>/", share_views.shared, name="shared"),
    path("s/<slug:token>/card.png", share_views.card, name="shared_card"),
    path("s/<slug:token>/play/", share_views.play_on, name="play_on"),
]
