-- Tells which server it is and takes or keeps its name there; no privilege.
SELECT @@server_uuid AS server_uid, @@server_id AS server_id, @@version AS version,
    IF(IS_USED_LOCK({name}) <=> CONNECTION_ID(), 1, GET_LOCK({name}, 0)) AS name_taken;
