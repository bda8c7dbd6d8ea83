-- Keeps this session out of the binlog, so that a replica makes no GTIDs of its own; needs BINLOG ADMIN.
SET SESSION sql_log_bin = 0;
