-- Asks for the statement that makes a table; the lab's root.
SHOW CREATE TABLE {table};
