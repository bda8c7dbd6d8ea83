-- Finds the key so many rows on; needs SELECT.
SELECT {key} FROM {table}{index} WHERE {range} ORDER BY {order} LIMIT 1 OFFSET {rows};
