-- Tells where the master writes its binlog; needs BINLOG MONITOR.
SHOW MASTER STATUS;
