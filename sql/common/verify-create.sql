-- Reads a table's definition; needs SELECT on it.
SHOW CREATE TABLE {table};
