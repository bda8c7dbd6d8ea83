-- Tells what the master has written to its binlog; no privilege.
SELECT @@gtid_binlog_pos AS master_position;
