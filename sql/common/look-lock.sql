-- Tells whether a named lock is held on this server, and by which connection; no privilege.
SELECT IS_USED_LOCK({name}) AS {column};
