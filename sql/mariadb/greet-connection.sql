-- Tells which connection this is: its id, and the port it comes from; no privilege.
SELECT CONNECTION_ID() AS connection_id, HOST AS connection_host
FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID();
