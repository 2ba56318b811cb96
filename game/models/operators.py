"""The link that makes somebody the operator."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class OperatorLink(models.Model):
    """The link that makes an account the operator: one row, or none.

    The token is an HMAC of the nonce with SECRET_KEY, so every process can compute and check it,
    and a copy of the database alone opens nothing.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    nonce = models.CharField(max_length=43, editable=False)
    made = models.DateTimeField(db_default=Now(), editable=False)
    # Set on links that `manage.py operator_link` makes; those work although there is an operator.
    expires = models.DateTimeField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_operator_link")]

    def __str__(self) -> str:
        return "operator link"
