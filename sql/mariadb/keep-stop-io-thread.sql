-- Stops receiving, goes on applying; needs REPLICATION SLAVE ADMIN.
STOP SLAVE IO_THREAD;
