-- Reads the endpoints of Keystone's catalogue; needs SELECT on the table, and to lock rows UPDATE.
SELECT id AS endpoint, legacy_endpoint_id, interface, service_id, url, extra, enabled, region_id
FROM {database}.endpoint ORDER BY id LIMIT {most}{lock};
