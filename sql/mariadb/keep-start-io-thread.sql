-- Starts receiving again; needs REPLICATION SLAVE ADMIN.
START SLAVE IO_THREAD;
