-- Lists which rights to see everything on the server this account has; no privilege.
SELECT PRIVILEGE_TYPE AS allowed FROM information_schema.USER_PRIVILEGES
WHERE PRIVILEGE_TYPE IN ('SHOW DATABASES', 'PROCESS')
  AND REPLACE(GRANTEE, '''', '') = REPLACE(CURRENT_USER(), '''', '');
