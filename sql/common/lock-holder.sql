-- Tells which connection holds a named lock; needs no privilege.
SELECT IS_USED_LOCK({name}) AS holder;
