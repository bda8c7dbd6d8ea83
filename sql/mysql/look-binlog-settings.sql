-- Reads how long binary logs are kept, and what has been purged already; no privilege.
SELECT @@GLOBAL.binlog_expire_logs_seconds AS expire_seconds, @@GLOBAL.binlog_expire_logs_auto_purge AS auto_purge,
    REPLACE(@@GLOBAL.gtid_purged, '\n', '') AS gtid_purged;
