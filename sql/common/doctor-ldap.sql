-- Lists the domains whose users come from LDAP, as the database says; needs SELECT on Keystone's schema.
SELECT d.name AS name FROM {schema}.whitelisted_config w JOIN {schema}.project d ON d.id = w.domain_id
WHERE w.`group` = 'identity' AND w.`option` = 'driver' AND LOWER(w.value) LIKE '%ldap%' ORDER BY d.name LIMIT 1000;
