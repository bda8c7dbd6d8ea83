-- Reads which transactions the replica has; needs no privilege.
SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '') AS position;
