-- Starts both replication threads; REPLICATION SLAVE ADMIN.
START SLAVE;
