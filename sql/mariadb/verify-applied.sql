-- Tells what the replica has applied; no privilege.
SELECT @@gtid_slave_pos AS applied_position;
