-- Tells in seconds since 1970 when the password of this account expires; needs SELECT on these columns of mysql.user.
SELECT UNIX_TIMESTAMP(password_last_changed)
    + 86400 * IFNULL(password_lifetime, @@GLOBAL.default_password_lifetime) AS expires_at
FROM mysql.user
WHERE User = {user} AND Host = {host};
