"""A whole Grue in one file, and back: `scripts/backup` and `scripts/restore`.

    python -m dungeon.backup save [FILE]
    python -m dungeon.backup check FILE
    python -m dungeon.backup load FILE [--replace]

The file is a tar: PostgreSQL's dump, the secret key, narrators.yaml, and a manifest with the size
and SHA-256 of each. Models are not in it, as they can be downloaded again; neither is Redis, whose
data may be lost.

A restore checks the manifest before it changes anything, loads the dump beside the existing tables
and replaces them when the one transaction around all of it commits. Whatever fails, or is killed,
before that leaves the old data as they were. A restore refuses while anything else is connected.

The database is DATABASE_URL's, or the one of `make play`, which is started for the time where it
does not run. PostgreSQL's client programs (psql, pg_dump, pg_restore) must be at least as new as
the server. They are looked for in this order: PATH, /usr/lib/postgresql/*/bin, the wheel that
`make play` installs. The web's image has them in /usr/lib/postgresql: scripts/backup and
scripts/restore run this in a container of it, for those who have Docker alone.
The secret key goes back to DATA_DIR/secret_key, or to /run/grue-secrets/secret_key where SECRET_KEY
comes from there and the file may be written.

`archive` is the file's format, `installation` what is saved and replaced, `programs` runs
PostgreSQL's clients; `save`, `check` and `restore` are the three commands.
"""
