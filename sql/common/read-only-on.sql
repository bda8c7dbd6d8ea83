-- Makes the server read-only for ordinary accounts; READ_ONLY ADMIN, on MySQL SYSTEM_VARIABLES_ADMIN.
SET GLOBAL read_only = 1;
