"""What Postgres did, row by row: triggers that note each change in the transaction that made it.

Whatever the game believes, these tables say how often a turn ended, and which command moved a head.
The triggers are the tests' own and exist only in the installations that they build.
"""

from typing import Any

TABLES = """
CREATE TABLE seen_turns (
    n bigserial PRIMARY KEY, tx bigint DEFAULT txid_current(), at timestamptz DEFAULT
    clock_timestamp(), adventure uuid, turn uuid, was jsonb, became jsonb);
CREATE TABLE seen_adventures (
    n bigserial PRIMARY KEY, tx bigint DEFAULT txid_current(), adventure uuid,
    old_head uuid, head uuid, old_version bigint, version bigint);
CREATE TABLE seen_commands (
    n bigserial PRIMARY KEY, tx bigint DEFAULT txid_current(), adventure uuid,
    key uuid, type text, turn uuid);
CREATE TABLE seen_edits (
    n bigserial PRIMARY KEY, tx bigint DEFAULT txid_current(), turn uuid, field text, before text);

CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was jsonb; became jsonb;
BEGIN
    became := jsonb_build_object('status', NEW.status, 'reply', NEW.reply, 'action', NEW.action,
        'kind', NEW.kind, 'attempt', NEW.attempt, 'parent', NEW.parent_id, 'reason', NEW.reason);
    IF TG_OP = 'UPDATE' THEN
        was := jsonb_build_object('status', OLD.status, 'reply', OLD.reply, 'action', OLD.action,
            'kind', OLD.kind, 'attempt', OLD.attempt, 'parent', OLD.parent_id,
            'reason', OLD.reason);
        IF was = became THEN RETURN NULL; END IF;
    END IF;
    INSERT INTO seen_turns (adventure, turn, was, became)
        VALUES (NEW.adventure_id, NEW.id, was, became);
    RETURN NULL;
END $$;
CREATE TRIGGER note_turn AFTER INSERT OR UPDATE ON game_turn
    FOR EACH ROW EXECUTE FUNCTION note_turn();

CREATE FUNCTION note_adventure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.version IS DISTINCT FROM NEW.version OR OLD.head_id IS DISTINCT FROM NEW.head_id THEN
        INSERT INTO seen_adventures (adventure, old_head, head, old_version, version)
            VALUES (NEW.id, OLD.head_id, NEW.head_id, OLD.version, NEW.version);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_adventure AFTER UPDATE ON game_adventure
    FOR EACH ROW EXECUTE FUNCTION note_adventure();

CREATE FUNCTION note_command() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen_commands (adventure, key, type, turn)
        VALUES (NEW.adventure_id, NEW.key, NEW.type, (NEW.outcome->>'turn')::uuid);
    RETURN NULL;
END $$;
CREATE TRIGGER note_command AFTER INSERT ON game_command
    FOR EACH ROW EXECUTE FUNCTION note_command();

CREATE FUNCTION note_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen_edits (turn, field, before) VALUES (NEW.turn_id, NEW.field, NEW.before);
    RETURN NULL;
END $$;
CREATE TRIGGER note_edit AFTER INSERT ON game_edit
    FOR EACH ROW EXECUTE FUNCTION note_edit();
"""


def begin(cursor: Any) -> None:
    """From now on everything is noted."""
    cursor.execute(TABLES)
