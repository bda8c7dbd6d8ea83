-- Reads the keys of a range, each with a hash of its row; needs SELECT.
SELECT {key}, {shown} AS shown, {hash} AS hash FROM {table}{index} WHERE {range} ORDER BY {order} LIMIT {rows};
