"""Links show what was shared when they were made. For those that are there already: as it is now."""

import hashlib
import json
import zlib

import django.db.models.deletion
import django.db.models.functions.datetime
from django.apps.registry import Apps
from django.db import connection, migrations, models

PATH = """
WITH RECURSIVE path AS (
    SELECT id, parent_id, 0 AS back FROM game_turn WHERE id = %s
    UNION ALL
    SELECT t.id, t.parent_id, path.back + 1 FROM game_turn t JOIN path ON t.id = path.parent_id
)
SELECT id FROM path ORDER BY back DESC
"""
NOT_SHARED = {"id", "adventure", "scenario"}


def keep_texts(apps: Apps, schema_editor: object) -> None:
    share_model, texts = apps.get_model("game", "Share"), apps.get_model("game", "ShareTexts")
    turn_model, card_model = apps.get_model("game", "Turn"), apps.get_model("game", "StoryCard")
    summary_model = apps.get_model("game", "Summary")
    card_names = [f.name for f in card_model._meta.concrete_fields if f.name not in NOT_SHARED]
    for share in share_model.objects.select_related("adventure").iterator(chunk_size=50):
        with connection.cursor() as cursor:
            cursor.execute(PATH, [share.turn_id])
            path = [row[0] for row in cursor.fetchall()]
        found = turn_model.objects.in_bulk(path)
        turns = [found[pk] for pk in path]
        adventure = share.adventure
        plot = share.plot
        shown = {
            "title": adventure.title,
            "turns": [
                {"id": str(t.pk), "action": t.action, "reply": t.reply, "edited": t.edited}
                for t in turns
            ],
            "memory": adventure.memory if plot else "",
            "authors_note": adventure.authors_note if plot else "",
            "first_actions": adventure.first_actions if plot else [],
            "cards": [
                {name: getattr(card, name) for name in card_names}
                for card in card_model.objects.filter(adventure=adventure).order_by("title")
            ]
            if plot
            else [],
            "summaries": {
                str(each.turn_id): {"text": each.text, "own": each.own, "by": each.by}
                for each in summary_model.objects.filter(turn__in=path)
            }
            if plot
            else {},
        }
        raw = json.dumps(shown, ensure_ascii=False, sort_keys=True, default=str).encode()
        content = zlib.compress(raw)
        texts.objects.create(
            share=share,
            title=adventure.title,
            teaser=turns[-1].reply[-240:],
            content=content,
            size=len(content),
            digest=hashlib.sha256(raw).hexdigest(),
            taken=share.created,
        )


class Migration(migrations.Migration):
    dependencies = [("game", "0013_plain_labels")]
    operations = [
        migrations.CreateModel(
            name="ShareTexts",
            fields=[
                ("share", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="texts", serialize=False, to="game.share")),
                ("title", models.CharField(max_length=120)),
                ("teaser", models.TextField(blank=True)),
                ("content", models.BinaryField()),
                ("size", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("taken", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"verbose_name_plural": "shared texts"},
        ),
        migrations.RunPython(keep_texts, migrations.RunPython.noop),
    ]
