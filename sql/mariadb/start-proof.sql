-- Starts only the thread that logs in at the master; needs REPLICATION SLAVE ADMIN.
START SLAVE 'keyward_proof' IO_THREAD;
