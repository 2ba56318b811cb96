"""An audit log that nobody can change, and the groups of those who moderate."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

from game.moderation.roles import ROLES, make_groups

REFUSE = """
CREATE FUNCTION game_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON game_auditentry
    FOR EACH ROW EXECUTE FUNCTION game_audit_is_append_only();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON game_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION game_audit_is_append_only();
"""
ALLOW = """
DROP TRIGGER audit_is_not_emptied ON game_auditentry;
DROP TRIGGER audit_rows_stay ON game_auditentry;
DROP FUNCTION game_audit_is_append_only();
"""


def groups(apps: Apps, schema_editor: object) -> None:
    # Permissions are made after all migrations; the groups need them now.
    config = apps.get_app_config("game")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    make_groups(apps)


def no_groups(apps: Apps, schema_editor: object) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("game", "0009_moderation"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunSQL(REFUSE, ALLOW),
        migrations.RunPython(groups, no_groups),
    ]
