-- Reads the replica's GTID position; needs no privilege.
SELECT @@GLOBAL.gtid_slave_pos AS position;
