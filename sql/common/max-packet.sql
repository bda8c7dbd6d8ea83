-- Asks how big a statement of this session may be; needs no privilege.
SELECT @@SESSION.max_allowed_packet AS bytes;
