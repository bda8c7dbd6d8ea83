-- Keeps this session out of the binlog, so that a replica makes no GTIDs of its own; BINLOG ADMIN, on MySQL SYSTEM_VARIABLES_ADMIN.
SET SESSION sql_log_bin = 0;
