-- Makes the server read-only; needs READ_ONLY ADMIN.
SET GLOBAL read_only = 1;
