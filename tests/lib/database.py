"""A look into PostgreSQL, past the daemons."""

import contextlib

import psycopg2


class Database:
    """One database of an instance's cluster, reached as a role with a password."""

    def __init__(self, socket_dir, name, user, password):
        self.params = {"host": str(socket_dir), "dbname": name, "user": user, "password": password}

    def connect(self, autocommit=True):
        """A connection of its own, for a thread of its own. The caller closes it."""
        connection = psycopg2.connect(**self.params, application_name="tests")
        connection.autocommit = autocommit
        return connection

    @contextlib.contextmanager
    def session(self, autocommit=True):
        connection = self.connect(autocommit)
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def rows(self, sql, *values):
        """Runs one statement by itself; its rows, or None for one that returns none."""
        with self.session() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else None

    def value(self, sql, *values):
        rows = self.rows(sql, *values)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return rows[0][0]

    @property
    def conninfo(self):
        """For libpq's own programs; the password goes into PGPASSWORD."""
        return " ".join(f"{k}={v}" for k, v in self.params.items() if k != "password")

    @property
    def password(self):
        return self.params["password"]

    def on(self, name):
        """The same role on another database of the cluster."""
        return Database(self.params["host"], name, self.params["user"], self.params["password"])
