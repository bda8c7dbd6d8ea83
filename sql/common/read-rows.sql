-- Reads all rows of a table; needs SELECT.
SELECT {columns} FROM {table};
