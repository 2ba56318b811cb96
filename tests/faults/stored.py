"""What an installation holds when all is over: Postgres row by row, and what is left in Redis."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

QUERIES = {
    "adventures": "SELECT id::text, head_id::text AS head, version FROM game_adventure",
    "turns": """
        SELECT id::text, adventure_id::text AS adventure, parent_id::text AS parent,
               last_child_id::text AS last_child, kind, action, reply, status, attempt, reason,
               edited
        FROM game_turn""",
    "commands": """
        SELECT key::text, adventure_id::text AS adventure, type, outcome->>'turn' AS turn
        FROM game_command""",
    "turn_changes": "SELECT n, tx, turn::text, was, became FROM seen_turns ORDER BY n",
    "head_changes": """
        SELECT n, tx, adventure::text, old_head::text, head::text, old_version, version
        FROM seen_adventures ORDER BY n""",
    "command_inserts": """
        SELECT n, tx, adventure::text, key::text, type, turn::text FROM seen_commands ORDER BY n""",
    # What finds a turn again, with the texts that it was made for; not what is to be made anew.
    "recall": """
        SELECT t.id::text AS turn, t.kind, t.action, t.reply, encode(r.terms, 'hex') AS terms
        FROM game_recallentry r JOIN game_turn t ON t.id = r.turn_id
        WHERE r.bytes = octet_length(t.action) + octet_length(t.reply)
            AND r.edit = CASE WHEN t.edited THEN coalesce(
                (SELECT max(e.id) FROM game_edit e WHERE e.turn_id = t.id), 0) ELSE 0 END""",
    "worlds": "SELECT turn_id::text AS turn, changes, folded FROM game_turnchanges",
    "edits": "SELECT n, tx, turn::text, field, before FROM seen_edits ORDER BY n",
}


@dataclass
class Stored:
    """The tables as lists of rows, each row a dict."""

    adventures: list[Row] = field(default_factory=list)
    turns: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    turn_changes: list[Row] = field(default_factory=list)
    head_changes: list[Row] = field(default_factory=list)
    command_inserts: list[Row] = field(default_factory=list)
    edits: list[Row] = field(default_factory=list)
    recall: list[Row] = field(default_factory=list)
    worlds: list[Row] = field(default_factory=list)
    left_in_redis: list[str] = field(default_factory=list)

    def turn(self, turn: str) -> Row | None:
        return self.by_id.get(turn)

    @property
    def by_id(self) -> dict[str, Row]:
        if len(self._by_id) != len(self.turns):
            self._by_id = {each["id"]: each for each in self.turns}
        return self._by_id

    _by_id: dict[str, Row] = field(default_factory=dict)

    def path(self, adventure: str) -> list[Row]:
        """The turns from the opening to the head. Broken trees end where they break."""
        head = next((each["head"] for each in self.adventures if each["id"] == adventure), None)
        return self.path_to(head)

    def path_to(self, head: str | None) -> list[Row]:
        """The turns from the opening to one of them. Broken trees end where they break."""
        turns: list[Row] = []
        seen: set[str] = set()
        while head and head in self.by_id and head not in seen:
            seen.add(head)
            turns.append(self.by_id[head])
            head = self.by_id[head]["parent"]
        return turns[::-1]

    def by_adventure(self) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for turn in self.turns:
            found[turn["adventure"]].append(turn)
        return found


def read(cursor: Any) -> Stored:
    """Everything of the installation's Postgres that the checker looks at."""
    stored = Stored()
    for name, query in QUERIES.items():
        cursor.execute(query)
        columns = [column.name for column in cursor.description]
        setattr(stored, name, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()])
    return stored


def left_in_redis(client: Any) -> list[str]:
    """Leases and waiting turns that nobody will come for."""
    left = [key.decode() for key in client.scan_iter("grue:lease:*", count=1000)]
    for key in client.scan_iter("grue:waiting:*"):
        left += [f"{key.decode()} {turn.decode()}" for turn in client.zrange(key, 0, -1)]
    for key in client.scan_iter("grue:requests:*"):
        left += [f"{key.decode()} {turn.decode()}" for turn in client.hkeys(key)]
    return left
