-- Tells of every replication connection what its status does not; needs SELECT on these tables.
SELECT c.CHANNEL_NAME AS details_of, c.HEARTBEAT_INTERVAL AS heartbeat_period, s.COUNT_RECEIVED_HEARTBEATS AS heartbeats,
    (SELECT w.LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker w
        WHERE w.CHANNEL_NAME = c.CHANNEL_NAME AND w.LAST_ERROR_NUMBER <> 0
        ORDER BY w.LAST_ERROR_TIMESTAMP LIMIT 1) AS worker_error
FROM performance_schema.replication_connection_configuration c
LEFT JOIN performance_schema.replication_connection_status s ON s.CHANNEL_NAME = c.CHANNEL_NAME;
