-- Finds the accounts with a user name; needs SELECT on mysql.*.
SELECT User AS user, Host AS host FROM mysql.user WHERE User = {user} ORDER BY Host = '%' DESC, Host;
