-- Starts only the thread that logs in at the master; needs REPLICATION_SLAVE_ADMIN.
START REPLICA IO_THREAD FOR CHANNEL 'keyward_proof';
