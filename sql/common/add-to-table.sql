-- Adds indexes and foreign keys to a table; needs ALTER, INDEX and REFERENCES.
ALTER TABLE {table} {changes};
