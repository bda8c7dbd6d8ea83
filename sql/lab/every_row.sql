-- Reads a whole table; the lab's root.
SELECT * FROM {table};
