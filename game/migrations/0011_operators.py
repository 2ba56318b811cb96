"""Guests are never staff, and the operator's link is a row.

Older versions made the guest who opened the link a superuser. Such guests lose their rights here:
where no other operator is left, the next start prints a new link.
"""

import django.db.models.functions.datetime
from django.apps.registry import Apps
from django.db import migrations, models


def take_rights_from_guests(apps: Apps, schema_editor: object) -> None:
    guests = apps.get_model("game", "Player").objects.filter(is_guest=True)
    guests.update(is_staff=False, is_superuser=False)


class Migration(migrations.Migration):
    dependencies = [("game", "0010_moderators")]
    operations = [
        migrations.CreateModel(
            name="OperatorLink",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("nonce", models.CharField(editable=False, max_length=43)),
                ("made", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("expires", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_operator_link")],
            },
        ),
        migrations.RunPython(take_rights_from_guests, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="player",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_guest", False), models.Q(("is_staff", False), ("is_superuser", False)), _connector="OR"),
                name="guests_are_never_staff",
            ),
        ),
    ]
