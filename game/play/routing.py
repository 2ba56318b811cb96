"""URLs of sockets."""

from django.urls import path

from game.play.consumers import AdventureConsumer

websocket_urlpatterns = [path("ws/adventures/<uuid:adventure_id>/", AdventureConsumer.as_asgi())]
