-- Waits until the replica has applied a position, 0 when it has; no privilege.
SELECT MASTER_GTID_WAIT({position}, {seconds}) AS waited;
