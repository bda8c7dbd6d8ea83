-- Tells how this account was made, and with that whether its password expires; needs no privilege. It may hold a password's hash.
SHOW CREATE USER CURRENT_USER();
