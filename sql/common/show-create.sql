-- Reads a definition; needs SELECT, SHOW VIEW, TRIGGER or EVENT on it, for routines SELECT on mysql.proc, on MySQL SHOW_ROUTINE.
SHOW CREATE {kind} {name};
