"""Which errors mean that the database takes no writes."""
import re

from oslo_db import exception as oslo
import sqlalchemy.exc

# What MariaDB and MySQL answer to a write, by number; 1836 comes from MySQL alone.
MEANINGS = {
    1290: "the server is read-only",
    1792: "the transaction is read-only",
    1836: "the server's storage is read-only",
    1142: "Keystone's account may not write to the table",
    1143: "Keystone's account may not write to the column",
}

_READING = re.compile(r"\s*SELECT\b", re.IGNORECASE)


def number(error):
    """The server's number of the error with which it refused a write; None for every other error.

    The rights of an account can be missing for reading as well, with the same numbers: those are other errors.
    """
    if isinstance(error, oslo.DBError):
        error = error.inner_exception
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return None
    # the refusal of a COMMIT has no statement
    if error.statement is not None and _READING.match(error.statement):
        return None
    told = error.orig.args[0] if error.orig.args else None
    return told if told in MEANINGS else None
