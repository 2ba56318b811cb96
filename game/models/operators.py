"""The link that makes somebody the operator."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class OperatorLink(models.Model):
    """The current link: one row, or none.

    The token is an HMAC of the nonce with SECRET_KEY, so every process can print and check it and a
    copy of the database opens nothing.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    nonce = models.CharField(max_length=43, editable=False)
    made = models.DateTimeField(db_default=Now(), editable=False)
    # Set on links that the host asked for by command; they work though there is an operator.
    expires = models.DateTimeField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_operator_link")]

    def __str__(self) -> str:
        return "operator link"
