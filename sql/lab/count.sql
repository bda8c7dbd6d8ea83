-- Counts the rows of a table; the lab's root.
SELECT COUNT(*) FROM {table};
