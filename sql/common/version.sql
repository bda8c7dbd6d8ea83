-- Tells what kind of server it is; needs no privilege.
SELECT @@version AS version;
