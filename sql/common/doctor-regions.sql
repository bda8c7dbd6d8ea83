-- Lists the regions of the service catalogue; needs SELECT on Keystone's schema.
SELECT id AS region FROM {schema}.region ORDER BY id LIMIT 10000;
