"""Databases made by the migrations, as an operator makes them."""

import os
import secrets
import shutil
import subprocess

from lib.instance import ROOT


def migrate(database, folder=ROOT / "sql"):
    """Runs sql/migrate (or a copy's) on a database; returns the finished process."""
    return subprocess.Popen(
        [folder / "migrate", database.conninfo],
        env={**os.environ, "PGPASSWORD": database.password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Waits for a process; its exit status and all that it said."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def copy(folder):
    """A copy of sql/ that a test may change."""
    return shutil.copytree(ROOT / "sql", folder / "sql")


class Cluster:
    """Databases by the dozen, on the PostgreSQL of an instance. They go with it: dropping each would
    cost a checkpoint."""

    def __init__(self, owner):
        self.owner = owner

    def create(self, template="template0"):
        name = f"t_{secrets.token_hex(6)}"
        self.owner.rows(f"create database {name} template {template}")
        return self.owner.on(name)
