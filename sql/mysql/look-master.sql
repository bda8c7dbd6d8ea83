-- Reads which transactions the master has and whether it takes writes; no privilege.
SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '') AS gtid_binlog_pos,
    REPLACE(@@GLOBAL.gtid_executed, '\n', '') AS gtid_binlog_state, @@GLOBAL.read_only AS read_only;
