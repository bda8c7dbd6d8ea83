-- Counts the replicas that read from this server; needs PROCESS.
SELECT COUNT(*) AS replicas FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%';
