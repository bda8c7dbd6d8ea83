-- Lists the endpoints of the service catalogue; needs SELECT on Keystone's schema.
SELECT id AS id, interface AS interface, service_id AS service, region_id AS region, url AS url, enabled AS enabled
FROM {schema}.endpoint ORDER BY region_id, url, id LIMIT 10000;
