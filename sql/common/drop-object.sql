-- Drops what a move has written down, before its tables are renamed; needs DROP, ALTER ROUTINE, TRIGGER or EVENT.
DROP {kind} IF EXISTS {name};
