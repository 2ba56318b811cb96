"""Who plays."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Player(AbstractUser):
    """Someone who plays. A guest has no password and lives in one browser's session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.username
