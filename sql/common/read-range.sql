-- Reads the first rows behind a key in the order of the primary key, in which they are written fastest; needs SELECT.
SELECT {columns} FROM {table} FORCE INDEX (PRIMARY) WHERE {range} ORDER BY {key} LIMIT {rows};
