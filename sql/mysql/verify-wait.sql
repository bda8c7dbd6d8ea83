-- Waits until the replica has applied a position, 0 when it has; no privilege.
SELECT WAIT_FOR_EXECUTED_GTID_SET({position}, {seconds}) AS waited;
