-- Counts the replicas that read from this server; needs PROCESS.
SELECT COUNT(*) AS replicas FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%';
