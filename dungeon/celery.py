"""The Celery app and its queues.

Each narrator has a queue of its own; `game` holds what needs no GPU.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")

app = Celery("grue")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["game", "inference"])
