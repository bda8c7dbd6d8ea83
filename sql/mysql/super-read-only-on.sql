-- Makes the server read-only for everybody, also after a restart; needs SYSTEM_VARIABLES_ADMIN.
SET PERSIST super_read_only = ON;
