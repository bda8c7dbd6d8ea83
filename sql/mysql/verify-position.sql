-- Tells what the master has committed; no privilege.
SELECT @@gtid_executed AS master_position;
