-- Tells what another account may do; needs SELECT on mysql.*.
SHOW GRANTS FOR {account};
