-- Tells where in the binlog the open snapshot stands; needs no privilege.
SHOW STATUS LIKE 'binlog_snapshot_%';
