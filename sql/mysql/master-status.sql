-- Tells where the master writes its binlog; needs REPLICATION CLIENT.
SHOW BINARY LOG STATUS;
