-- Takes a named lock at once or not at all; needs no privilege.
SELECT GET_LOCK({name}, 0) AS taken;
