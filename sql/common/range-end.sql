-- Finds the key at which the next piece of a table ends; needs SELECT.
SELECT {columns} FROM {table} FORCE INDEX (PRIMARY) WHERE {range} ORDER BY {key} LIMIT 1 OFFSET {last};
