-- Makes the server read-only for everybody but replication; READ_ONLY ADMIN.
SET GLOBAL read_only = 1;
