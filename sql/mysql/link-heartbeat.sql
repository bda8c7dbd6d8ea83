-- Reads how often the master is to say that it lives; needs SELECT on the table.
SELECT HEARTBEAT_INTERVAL AS heartbeat FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = '';
