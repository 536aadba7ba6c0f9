"""Whether a database can be authapi's: asked before anything in it is made or changed."""

from sqlalchemy import Connection, inspect, text

from authapi.db.models import Model
from authapi.db.remedies import ALONE
from authapi.errors import OperatorError

# Made by the first migration, and by no other program.
TELLTALES = {"users": "email_canonical", "signing_keys": "private_sealed"}
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
PLACE = text(
    "SELECT current_database(), current_setting('server_encoding'), current_schema(), current_user,"
    " has_schema_privilege(current_schema(), 'CREATE')"
)
MISSING_RIGHTS = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname = ANY(:tables) AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)"
    " AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')"
    " AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))"
    " ORDER BY c.relname LIMIT 1"
)


def has_our_tables(connection: Connection) -> bool:
    """Return whether the tables are authapi's, and not another program's of the same names."""
    inspector = inspect(connection)
    return all(
        inspector.has_table(table)
        and column in {found["name"] for found in inspector.get_columns(table)}
        for table, column in TELLTALES.items()
    )


def require_text(connection: Connection) -> None:
    """Require a database that holds every character. Raises OperatorError."""
    if connection.dialect.name != "postgresql":
        return
    name, encoding, *_ = connection.execute(PLACE).one()
    if encoding != "UTF8":
        raise OperatorError(
            f"The database {name} is encoded as {encoding}, and authapi needs UTF8. Make another: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0;"
        )


def require_rights(connection: Connection) -> None:
    """Require a role that may read and write our tables. Raises OperatorError."""
    if connection.dialect.name != "postgresql":
        return
    found = connection.scalar(MISSING_RIGHTS, {"tables": list(Model.metadata.tables)})
    if found:
        *_, schema, role, _ = connection.execute(PLACE).one()
        raise OperatorError(
            f"The role {role} may not read and write the table {found}. As its owner: "
            f"GRANT {', '.join(RIGHTS)} ON ALL TABLES IN SCHEMA {schema} TO {role};"
        )


def require_room(connection: Connection, *, is_new: bool) -> None:
    """Require a place for our tables, without another program's in it. Raises OperatorError."""
    schema = None
    if connection.dialect.name == "postgresql":
        _, _, schema, role, may_create = connection.execute(PLACE).one()
        if schema is None:
            raise OperatorError(
                f"No schema in the search_path of the role {role} exists, or may be used: create "
                "one, or correct `search_path` in AUTHAPI_DATABASE_URL."
            )
        if not may_create:
            raise OperatorError(
                f"The role {role} may not make tables in the schema {schema}. As its owner: "
                f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {role};"
            )
    if is_new and (taken := _taken(connection, schema)):
        raise OperatorError(
            f"The database has a table `{taken}` of another program, which stays as it is. "
            f"{ALONE}: see AUTHAPI_DATABASE_URL."
        )


def _taken(connection: Connection, schema: str | None) -> str | None:
    inspector = inspect(connection)
    found = {*inspector.get_table_names(schema), *inspector.get_view_names(schema)}
    return min(found & set(Model.metadata.tables), default=None)
