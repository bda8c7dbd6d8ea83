-- Tells what the replica has applied; no privilege.
SELECT @@gtid_executed AS applied_position;
