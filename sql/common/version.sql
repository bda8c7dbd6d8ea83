-- Tells what kind of server it is; needs no privilege.
SELECT @@version AS version, @@version_comment AS version_comment;
