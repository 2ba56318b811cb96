"""The pages' addresses, as docs/protocol.md lists them."""

from django.urls import include, path

from game import health_views, metrics_view
from game.accounts import operator_views
from game.cards import views as card_views
from game.chapters import views as chapter_views
from game.imports import export_views as story_exports
from game.play import export_views, option_views, search_views, views
from game.recall import views as recall_views
from game.state import views as state_views

urlpatterns = [
    path("", include("game.library.urls")),
    path("", include("game.offline.urls")),
    path("", include("game.imports.urls")),
    path("", include("game.tastes.urls")),
    path("", include("game.training.urls")),
    path("", include("game.moderation.urls")),
    path("", include("game.tables.urls")),
    path("adventures/<uuid:adventure_id>/", views.adventure, name="adventure"),
    path("adventures/<uuid:adventure_id>/turns/", views.turns, name="turns"),
    path("adventures/<uuid:adventure_id>/tree/", views.turn_tree, name="tree"),
    path(
        "adventures/<uuid:adventure_id>/tree/<uuid:turn_id>/", views.whole_words, name="whole_words"
    ),
    path("adventures/<uuid:adventure_id>/export.<str:form>", export_views.export, name="export"),
    path(
        "adventures/<uuid:adventure_id>/export/",
        story_exports.adventure_exports,
        name="adventure_exports",
    ),
    path(
        "adventures/<uuid:adventure_id>/export/<slug:form>/",
        story_exports.export_adventure,
        name="export_adventure_as",
    ),
    path("scenarios/<slug:slug>/export/", story_exports.scenario_exports, name="scenario_exports"),
    path(
        "scenarios/<slug:slug>/export/<slug:form>/",
        story_exports.export_scenario,
        name="export_scenario_as",
    ),
    path("adventures/<uuid:adventure_id>/read/", views.read, name="read"),
    path("adventures/<uuid:adventure_id>/search/", search_views.search_adventure, name="search"),
    path("adventures/<uuid:adventure_id>/plot/", views.plot, name="plot"),
    path("adventures/<uuid:adventure_id>/options/", option_views.options, name="options"),
    path("adventures/<uuid:adventure_id>/narrator/", option_views.narrator, name="narrator"),
    path("adventures/<uuid:adventure_id>/writer/", option_views.writer, name="writer"),
    path(
        "adventures/<uuid:adventure_id>/narrator/part/",
        option_views.narrator_part,
        name="narrator_part",
    ),
    path("adventures/<uuid:adventure_id>/summary/", option_views.summary, name="summary"),
    path("adventures/<uuid:adventure_id>/world/", state_views.world, name="world"),
    path("adventures/<uuid:adventure_id>/world/unlock/", state_views.unlock, name="unlock_world"),
    path(
        "adventures/<uuid:adventure_id>/turns/<uuid:turn_id>/versions/",
        views.versions,
        name="versions",
    ),
    path(
        "adventures/<uuid:adventure_id>/turns/<uuid:turn_id>/context/",
        option_views.context,
        name="context",
    ),
    path(
        "adventures/<uuid:adventure_id>/turns/<uuid:turn_id>/memory/",
        recall_views.mark_memory,
        name="mark_memory",
    ),
    path("adventures/<uuid:adventure_id>/chapters/", chapter_views.list_chapters, name="chapters"),
    path(
        "adventures/<uuid:adventure_id>/chapters/<uuid:turn_id>/",
        chapter_views.reopen_chapter,
        name="reopen_chapter",
    ),
    path("adventures/<uuid:adventure_id>/cards/", card_views.list_cards, name="cards"),
    path("adventures/<uuid:adventure_id>/cards/reveal/", card_views.reveal, name="reveal_cards"),
    path(
        "adventures/<uuid:adventure_id>/cards/import/", card_views.import_cards, name="import_cards"
    ),
    path("adventures/<uuid:adventure_id>/cards/<uuid:card_id>/", card_views.card, name="card"),
    path(
        "adventures/<uuid:adventure_id>/cards/<uuid:card_id>/pin/", card_views.pin, name="pin_card"
    ),
    path(
        "adventures/<uuid:adventure_id>/cards/<uuid:card_id>/delete/",
        card_views.delete,
        name="delete_card",
    ),
    path(
        "adventures/<uuid:adventure_id>/cards/<uuid:card_id>/restore/",
        card_views.restore,
        name="restore_card",
    ),
    path("operator/", operator_views.code, name="operator_code"),
    path("operator/<str:token>/", operator_views.link, name="operator"),
    path("healthz", health_views.healthz, name="healthz"),
    path("readyz", health_views.readyz, name="readyz"),
    path("metrics", metrics_view.metrics_page, name="metrics"),
]
