-- Tells what this account may do; needs no privilege.
SHOW GRANTS;
