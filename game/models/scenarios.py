"""Beginnings."""

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.functions import Now

from game.models.limits import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_TEXT


class Scenario(models.Model):
    """A beginning that others can start from."""

    slug = models.SlugField(primary_key=True, max_length=60)
    title = models.CharField(max_length=80)
    tempt = models.CharField("a line to tempt", max_length=160)
    rank = models.PositiveIntegerField(default=1000, help_text="Smaller comes first.")
    tags = models.JSONField(default=list, blank=True)
    placeholders = models.JSONField(
        default=list, blank=True, help_text='A list of {"name", "question", "default"}.'
    )
    opening = models.TextField(validators=[MaxLengthValidator(LONGEST_TEXT)])
    memory = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_MEMORY)])
    authors_note = models.TextField(blank=True, validators=[MaxLengthValidator(LONGEST_NOTE)])
    first_actions = models.JSONField(
        default=list, blank=True, help_text='A list of {"kind", "text"}.'
    )
    listed = models.BooleanField(default=True)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["rank", "title"]

    def __str__(self) -> str:
        return self.title
