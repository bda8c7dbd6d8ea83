-- Starts both replication threads; needs REPLICATION SLAVE ADMIN.
START SLAVE;
