-- Describes every replication connection; needs REPLICATION CLIENT.
SHOW REPLICA STATUS;
