-- Sets the replica's GTID position; needs REPLICATION SLAVE ADMIN.
SET GLOBAL gtid_slave_pos = {position};
