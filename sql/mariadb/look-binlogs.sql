-- Lists the binary logs that are still there; BINLOG MONITOR.
SHOW BINARY LOGS;
