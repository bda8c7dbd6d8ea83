-- Reads what a move's journal holds, in the order in which it is made again; needs SELECT on it.
SELECT number, kind, name, definition, moved, client, moved_client, connection, collation, mode, zone
FROM {journal} WHERE kind NOT IN ('UNDO', 'COPIED') ORDER BY number;
