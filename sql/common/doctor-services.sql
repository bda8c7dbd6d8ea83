-- Lists the services of the service catalogue; needs SELECT on Keystone's schema.
SELECT id AS id, type AS type FROM {schema}.service ORDER BY id LIMIT 10000;
