-- Reads how long the server runs, how many replicas read from it, whether it is in a group; PROCESS, SELECT on the last table.
SELECT 'UPTIME' AS status_of, VARIABLE_VALUE AS value
FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'
UNION ALL
SELECT 'SLAVES_CONNECTED', COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'
UNION ALL
SELECT 'GROUP_MEMBERS', COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE NOT IN ('', 'OFFLINE');
