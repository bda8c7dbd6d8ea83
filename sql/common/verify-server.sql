-- Tells a server's version and how long a value may be that it makes; no privilege.
SELECT @@version AS version, @@SESSION.max_allowed_packet AS packet;
