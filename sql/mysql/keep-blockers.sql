-- Names who may hold read_only back, as nobody tells for sure: running statements first, then the longest idle; PROCESS.
SELECT ID AS blocker, USER AS user, HOST AS host, COMMAND AS command, TIME AS seconds
FROM performance_schema.processlist
WHERE ID <> CONNECTION_ID() AND COALESCE(USER, '') NOT IN ('', 'system user', 'event_scheduler', {user})
    AND COMMAND NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Connect')
    AND COALESCE(STATE, '') NOT LIKE 'Waiting for%lock'
ORDER BY COMMAND = 'Sleep', TIME DESC LIMIT 3;
