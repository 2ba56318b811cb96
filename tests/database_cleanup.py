"""Emptying the database after a test that commits.

Django truncates every table and makes permissions and content types anew, which takes a second on
a quiet machine; there are hundreds of such tests. Here the rows are deleted from the tables that
have any, which takes milliseconds. What Django's own way leaves behind is looked up once; where a
test has changed that, Django's way is gone again.
"""

from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError

MARK = "count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)"


class DatabaseCleanup:
    """Empties the default database."""

    def __init__(self):
        self.left = None  # table: what it holds once Django has emptied everything
        self.may = True  # set triggers and foreign keys aside: a right of superusers

    def __call__(self):
        if self.left is None or not self.may or not self.by_deleting():
            call_command("flush", verbosity=0, interactive=False, allow_cascade=False)
            tables = connection.introspection.django_table_names(only_existing=True)
            self.left = {table: mark for table, mark in marks(tables).items() if mark[0]}

    def by_deleting(self):
        """Delete what the test committed. False where it changed what should be left."""
        if marks(self.left) != self.left:
            return False
        tables = connection.introspection.django_table_names(only_existing=True)
        full = filled([table for table in tables if table not in self.left])
        if not full:
            return True
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                for table in full:
                    cursor.execute(f'DELETE FROM "{table}"')
        except ProgrammingError:
            self.may = False
            return False
        return True


def marks(tables):
    """How many rows each table has, and a sum of them."""
    if not tables:
        return {}
    each = [f"SELECT '{table}', {MARK} FROM \"{table}\" t" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {table: (rows, total) for table, rows, total in cursor.fetchall()}


def filled(tables):
    """Those that have a row."""
    each = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return [table for (table,) in cursor.fetchall()]
