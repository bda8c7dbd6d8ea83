-- Reads which transactions the master has and whether it takes writes; no privilege.
SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '') AS gtid_binlog_pos, @@GLOBAL.read_only AS read_only;
