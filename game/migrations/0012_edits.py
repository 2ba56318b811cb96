from django.db import migrations, models

# As game.edits.measure counts it.
COUNT = """
UPDATE game_adventure a SET size = counted.size FROM (
    SELECT t.adventure_id, sum(octet_length(t.action) + octet_length(t.reply) + coalesce((
        SELECT sum(octet_length(e.before)) FROM game_edit e WHERE e.turn_id = t.id), 0)) AS size
    FROM game_turn t GROUP BY t.adventure_id
) counted WHERE counted.adventure_id = a.id
"""


class Migration(migrations.Migration):
    dependencies = [("game", "0011_operators")]

    operations = [
        migrations.AddField(
            model_name="adventure",
            name="size",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="adventure",
            name="last_edit",
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
