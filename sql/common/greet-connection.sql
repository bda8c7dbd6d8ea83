-- Tells which connection this is: its id, and the port it comes from; no privilege.
SELECT CONNECTION_ID() AS connection_id, HOST AS connection_host
FROM /*M! information_schema.PROCESSLIST */ /*!80000 performance_schema.processlist */ WHERE ID = CONNECTION_ID();
