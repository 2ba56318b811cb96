"""Files in the shape of other programs', written here: no words of them are anybody else's."""

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

AIDUNGEON_SCENARIO: dict[str, Any] = {
    "title": "The Glass Ferry",
    "description": "A river that nobody has crossed.",
    "prompt": "You board the ferry as ${Who are you?}. The fare is $5, ${character.name}.",
    "memory": "The ferryman is blind. ${Who are you?} owes him.",
    "authorsNote": "Slow and wet.",
    "tags": ["river", "glass"],
    "nsfw": False,
    "thirdPerson": True,
    "gameCode": {"onInput": "const modifier = (text) => ({text})"},
    "storyCards": [
        {
            "keys": "ferryman, (old |)oar#[t=5]",
            "value": "He counts the oars of {{user}}.",
            "type": "character",
            "title": "Ferryman",
            "description": "he is the river",
            "useForCharacterCreation": True,
        }
    ],
    "options": [
        {"title": "North bank", "prompt": "You step onto ice.", "options": []},
        {"title": "South bank", "publicId": "south-1"},
        {"title": "Nowhere", "publicId": "gone"},
    ],
    "publicId": "ferry-1",
}
AIDUNGEON_SOUTH: dict[str, Any] = {
    "title": "South",
    "prompt": "You step onto sand.",
    "publicId": "south-1",
}
AIDUNGEON_ADVENTURE: dict[str, Any] = {
    "title": "Crossing",
    "createdAt": "2023-05-01T10:00:00.000Z",
    "memory": "You hold a rope.",
    "authorsNote": "Salt everywhere.",
    "actions": [
        {"id": "5", "type": "continue", "text": "It burns.", "createdAt": "2023-05-01T10:05:00Z"},
        {"id": "4", "type": "do", "text": "> You light it.", "createdAt": "2023-05-01T10:04:00Z"},
        {"id": "3", "type": "story", "text": "Night comes.", "createdAt": "2023-05-01T10:03:00Z"},
        {
            "id": "2",
            "type": "say",
            "text": '> You say "Who is there?"',
            "createdAt": "2023-05-01T10:02:00Z",
        },
        {
            "id": "22",
            "type": "do",
            "text": "> You jump.",
            "undoneAt": "2023-05-01T10:02:30Z",
            "createdAt": "2023-05-01T10:02:30Z",
        },
        {"id": "1", "type": "start", "text": "A lamp hangs.", "createdAt": "2023-05-01T10:01:00Z"},
    ],
    "worldInfo": [{"keys": "lamp", "entry": "It never goes out.", "generator": "x"}],
    "storySummary": "You crossed.",
}
AIDUNGEON2: dict[str, Any] = {
    "story_start": "You are a mason. A wall stands here.",
    "seed": -1,
    "actions": ["\n> You climb the wall.\n", '\n> You say "Hello"\n'],
    "results": ["\nYou slip.", "\nNobody answers."],
    "choices": [],
    "context": "You are a mason.",
    "uuid": "u-1",
    "rating": "teen",
}
CLOVER: dict[str, Any] = {
    "temp": 0.4,
    "top-p": 0.9,
    "top-keks": 20,
    "rep-pen": 1.2,
    "context": "You are a mason.",
    "memory": ["The wall is old."],
    "actions": ["A wall stands here.", "> You climb the wall."],
    "results": ["It leans.", "You slip."],
}
LITE: dict[str, Any] = {
    "gamestarted": True,
    "prompt": "You row toward a gate of glass.",
    "memory": "You are Ines.",
    "authorsnote": "Few words.",
    "anotetemplate": "[Style: <|>]",
    "actions": ["\n\n> You knock.\n\n", "It rings.", "{{[INPUT]}}I wait.{{[OUTPUT]}}It opens."],
    "actions_metadata": {
        "1": {"Selected Text": "It rings.", "Alternative Text": [{"Text": "It cracks."}]}
    },
    "altbranches": [],
    "worldinfo": [
        {
            "key": "gate,glass",
            "keysecondary": "",
            "keyanti": "dream",
            "content": "The gate sings.",
            "comment": "Gate",
            "folder": "f1",
            "selective": False,
            "constant": False,
            "probability": 40,
            "wigroup": "Town",
            "widisabled": False,
        },
        {
            "key": "boat",
            "keysecondary": "oar",
            "content": "The boat leaks.",
            "comment": "",
            "selective": True,
            "constant": True,
            "probability": 100,
            "widisabled": True,
        },
    ],
    "wifolders_d": {"f1": {"name": "Places", "collapsed": False}},
    "wifolders_l": ["f1"],
    "anotestr": 320,
    "savedsettings": {"opmode": 2, "chatname": "Ines", "chatopponent": "Guard"},
}
UNITED: dict[str, Any] = {
    "file_version": 2,
    "story_name": "Gate",
    "gamestarted": True,
    "prompt": "You row.",
    "memory": "You are Ines.",
    "authornote": "Few words.",
    "authornotetemplate": "[Author's note: <|>]",
    "andepth": 3,
    "auto_memory": "Ines rowed.",
    "actions": {
        "action_count": 1,
        "actions": {
            "1": {
                "Selected Text": " It rings.",
                "Options": [
                    {"text": " It cracks.", "Pinned": False, "Previous Selection": True},
                ],
                "Time": 1_700_000_000,
            },
            "0": {"Selected Text": "\n> You knock.\n", "Options": [], "Time": 1_699_999_999},
            "2": {"Selected Text": "Taken back.", "Options": [], "Time": 1_700_000_001},
        },
    },
    "worldinfo_v2": {
        "folders": {"root": [0]},
        "entries": {
            "0": {
                "uid": 0,
                "title": "Gate",
                "key": ["gate"],
                "keysecondary": ["glass"],
                "folder": "root",
                "constant": False,
                "content": "The gate sings.",
                "manual_text": "The gate sings.",
                "type": "wi",
            },
            "1": {"uid": 1, "title": "All", "key": [], "content": "Glass.", "type": "constant"},
        },
    },
    "worldinfo": [
        {"key": "gate", "content": "The gate sings.", "init": True},
        {"key": "rope", "content": "The rope hums.", "init": True, "comment": "Rope"},
        {"key": "", "content": "", "init": False},
    ],
    "biases": {"dark": [1, 1]},
    "wi_object": "base64:gASVEAAAAA==",
}
KOBOLD: dict[str, Any] = {
    "gamestarted": True,
    "prompt": "You row.",
    "memory": "You are Ines.",
    "authorsnote": "Few words.",
    "actions": ["\n> You knock.\n", "It rings."],
    "worldinfo": [{"key": "gate", "content": "The gate sings.", "comment": "", "num": 0}],
}
NOVELAI_STORY: dict[str, Any] = {
    "storyContainerVersion": 1,
    "metadata": {
        "title": "The Sieve",
        "description": "Sand.",
        "tags": ["sand"],
        "createdAt": 1_690_000_000_000,
        "favorite": True,
    },
    "content": {
        "storyContentVersion": 4,
        "settings": {"preset": "x"},
        "story": {
            "version": 2,
            "fragments": [
                {"data": "Sand falls.", "origin": "prompt"},
                {"data": " You sift it.", "origin": "user"},
                {"data": " A coin ", "origin": "ai"},
                {"data": "shows.", "origin": "ai"},
            ],
            "datablocks": [{"nextBlock": [1]}],
        },
        "context": [
            {"text": "You are a miner.", "contextConfig": {"budget": 1}},
            {"text": "Dry.", "contextConfig": {}},
        ],
        "lorebook": {
            "lorebookVersion": 4,
            "entries": [
                {
                    "text": "It pays no debts.",
                    "contextConfig": {"prefix": "[", "suffix": "]"},
                    "displayName": "Coin",
                    "id": "e1",
                    "keys": ["coin", "/gold(en)?/i"],
                    "searchRange": 1000,
                    "enabled": False,
                    "forceActivation": True,
                    "category": "c1",
                }
            ],
            "settings": {"orderByKeyLocations": False},
            "categories": [{"name": "Things", "id": "c1", "enabled": True}],
        },
        "ephemeralContext": [],
        "biases": [],
    },
}
NOVELAI_SCENARIO: dict[str, Any] = {
    "scenarioVersion": 3,
    "title": "The Sieve",
    "description": "Sand and debts.",
    "prompt": "You are ${name}, and ${mood} sand falls.",
    "tags": ["sand"],
    "author": "nobody",
    "context": [{"text": "${name} is a miner."}, {"text": "Dry."}],
    "placeholders": [
        {
            "key": "name",
            "description": "Name",
            "defaultValue": "Ada",
            "longDescription": "Who digs?",
            "order": 1,
        }
    ],
    "lorebook": {"lorebookVersion": 4, "entries": []},
    "settings": {"model": "x"},
}
TAVERN_WORLD: dict[str, Any] = {
    "entries": {
        "0": {
            "uid": 0,
            "key": ["Red"],
            "keysecondary": ["captain"],
            "comment": "Agent",
            "content": "{{char}} reports to {{user}}.",
            "constant": False,
            "selective": True,
            "selectiveLogic": 3,
            "order": 70,
            "position": 4,
            "disable": True,
            "probability": 60,
            "useProbability": True,
            "depth": 4,
            "group": "spies",
            "scanDepth": 4,
            "caseSensitive": True,
            "matchWholeWords": False,
            "sticky": 3,
            "cooldown": 2,
            "vectorized": False,
        }
    },
    "originalData": {"x": 1},
}
TAVERN_CHAT: list[dict[str, Any]] = [
    {
        "user_name": "Ines",
        "character_name": "Guard",
        "create_date": "2023-4-17 @13h 05m 22s 123ms",
        "chat_metadata": {"note_prompt": "Few words.", "note_depth": 4},
    },
    {
        "name": "Guard",
        "is_user": False,
        "mes": "Halt, {{user}}.",
        "swipes": ["Halt, {{user}}.", "Stop."],
    },
    {"name": "Ines", "is_user": True, "mes": "I stop.", "send_date": "June 5, 2023 3:42pm"},
    {
        "name": "Guard",
        "is_user": False,
        "mes": "Good.",
        "swipes": ["Bad.", "Good."],
        "swipe_id": 1,
        "extra": {"model": "x"},
    },
    {"name": "System", "is_user": False, "is_system": True, "mes": "hidden"},
]
CHARACTER: dict[str, Any] = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "Oda",
        "description": "{{char}} mends nets.",
        "personality": "wry",
        "scenario": "{{user}} needs a net.",
        "first_mes": '"Wet feet again," says {{char}}.',
        "alternate_greetings": ["", "The nets are gone, {{user}}."],
        "mes_example": "{{user}}: Hi",
        "creator_notes": "A harbour story.\nMore of it.",
        "system_prompt": "{{original}}",
        "post_history_instructions": "Stay short. {{original}}",
        "tags": ["harbour"],
        "creator": "nobody",
        "character_version": "2",
        "extensions": {"depth_prompt": {"prompt": "{{char}} limps.", "depth": 4}, "fav": True},
        "assets": [{"type": "icon", "uri": "embeded://assets/main.png", "name": "main"}],
        "character_book": {
            "name": "Nets",
            "extensions": {},
            "entries": [
                {
                    "keys": ["net"],
                    "content": "@@depth 4\n@@additional_keys tide, moon\nNets dry at noon.",
                    "extensions": {"probability": 30, "useProbability": True, "sticky": 4},
                    "enabled": False,
                    "insertion_order": 5,
                    "constant": True,
                    "case_sensitive": True,
                    "name": "Net",
                    "use_regex": False,
                },
                {
                    "keys": ["ship(s)?"],
                    "content": "Ships wait.",
                    "enabled": True,
                    "insertion_order": 1,
                    "use_regex": True,
                    "selective": True,
                    "secondary_keys": ["dock"],
                    "extensions": {"selectiveLogic": 2},
                },
            ],
        },
    },
}
CHARACTER_V1: dict[str, Any] = {
    "name": "Oda",
    "description": "Mends nets.",
    "personality": "wry",
    "scenario": "",
    "first_mes": "Wet feet again.",
    "mes_example": "",
}
AGNAI: dict[str, Any] = {
    "kind": "memory",
    "name": "Harbour",
    "entries": [
        {
            "name": "Net",
            "entry": "Nets dry at noon.",
            "keywords": ["net", "rope"],
            "priority": 3,
            "weight": 7,
            "enabled": False,
        }
    ],
}
RISU: dict[str, Any] = {
    "type": "risu",
    "ver": 1,
    "data": [
        {"key": "", "comment": "Folder", "content": "", "mode": "folder", "insertorder": 0},
        {
            "key": "net, rope",
            "secondkey": "noon",
            "comment": "Net",
            "content": "Nets dry at noon.",
            "mode": "normal",
            "insertorder": 9,
            "alwaysActive": True,
            "selective": True,
        },
    ],
}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PIXEL = [
    (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
    (b"IDAT", zlib.compress(b"\0\0")),
]


def png(*texts: tuple[bytes, bytes], before: bool = True) -> bytes:
    """A picture of one pixel with chunks before or after its pixels."""
    parts = [PIXEL[0], *texts, PIXEL[1]] if before else [*PIXEL, *texts]
    head = b"\x89PNG\r\n\x1a\n"
    return head + b"".join(chunk(*part) for part in parts) + chunk(b"IEND", b"")


def text_chunk(name: str, data: Any) -> tuple[bytes, bytes]:
    coded = base64.b64encode(json.dumps(data).encode())
    return b"tEXt", name.encode() + b"\0" + coded


def charx(data: Any, picture: bytes | None = None, **others: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", json.dumps(data))
        archive.writestr("assets/main.png", png() if picture is None else picture)
        for name, content in others.items():
            archive.writestr(name, content)
    return file.getvalue()


def lines(values: list[Any]) -> bytes:
    return "\n".join(json.dumps(each) for each in values).encode()


FILES = {
    "scenario.json": json.dumps([AIDUNGEON_SCENARIO, AIDUNGEON_SOUTH]).encode(),
    "dump.json": json.dumps({"data": {"adventure": AIDUNGEON_ADVENTURE}}).encode(),
    "old.json": json.dumps(AIDUNGEON2).encode(),
    "clover.json": json.dumps(CLOVER).encode(),
    "lite.json": json.dumps(LITE).encode(),
    "united.json": json.dumps(UNITED).encode(),
    "kobold.json": json.dumps(KOBOLD).encode(),
    "a.story": json.dumps(NOVELAI_STORY).encode(),
    "a.scenario": json.dumps(NOVELAI_SCENARIO).encode(),
    "a.lorebook": json.dumps(NOVELAI_STORY["content"]["lorebook"]).encode(),
    "lore.png": png(text_chunk("naidata", NOVELAI_STORY["content"]["lorebook"])),
    "world.json": json.dumps(TAVERN_WORLD).encode(),
    "chat.jsonl": lines(TAVERN_CHAT),
    "oda.json": json.dumps(CHARACTER).encode(),
    "oda1.json": json.dumps(CHARACTER_V1).encode(),
    "oda.png": png(text_chunk("chara", CHARACTER_V1), text_chunk("ccv3", CHARACTER), before=False),
    "oda.charx": charx(CHARACTER),
    "agnai.json": json.dumps(AGNAI).encode(),
    "risu.json": json.dumps(RISU).encode(),
    "story.txt": b"The Sieve\n=========\n\nSand falls.\n\n> You sift it.\n\nA coin shows.\n",
    "story.md": b'# The Sieve\n\nSand falls.\n\n## Noon\n\n> You say "Hey"\n\nA \\*coin\\*.\n',
}
