-- Tells in seconds since 1970 when the password of this account expires; needs no privilege. Before 11.5 nobody tells.
SELECT UNIX_TIMESTAMP(MIN(told.moment)) AS expires_at
FROM (SELECT CAST(NULL AS DATETIME) AS moment
    /*M!110500 UNION ALL SELECT PASSWORD_EXPIRATION_TIME FROM information_schema.USERS
        WHERE USER = CONCAT('\'', {user}, '\'@\'', {host}, '\'') */) AS told;
