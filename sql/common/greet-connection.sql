-- Tells which connection this is: its id, and the port it comes from, if the server tells that; no privilege.
SELECT CONNECTION_ID() AS connection_id,
    (SELECT HOST FROM /*M! information_schema.PROCESSLIST */ /*!80000 performance_schema.processlist */
        WHERE ID = CONNECTION_ID()) AS connection_host;
