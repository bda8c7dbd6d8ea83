-- Reads how far the master's binlog reaches; no privilege.
SELECT @@gtid_binlog_pos AS gtid_binlog_pos;
