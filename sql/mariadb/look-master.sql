-- Reads how far the master's binlog reaches, what is in it by server, and whether it takes writes; no privilege.
SELECT @@gtid_binlog_pos AS gtid_binlog_pos, @@gtid_binlog_state AS gtid_binlog_state, @@read_only AS read_only;
