-- Tells whether a server takes writes of ordinary accounts; needs no privilege.
SELECT @@GLOBAL.read_only AS server_read_only;
