-- Asks for the server's own checksum over every row of a table; the lab's root.
CHECKSUM TABLE {table} EXTENDED;
