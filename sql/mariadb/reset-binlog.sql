-- Empties the replica's own binlog, whose transactions stand in the way of the master's; needs RELOAD.
RESET MASTER;
