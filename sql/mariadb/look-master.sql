-- Reads how far the master's binlog reaches and whether it takes writes; no privilege.
SELECT @@gtid_binlog_pos AS gtid_binlog_pos, @@read_only AS read_only;
