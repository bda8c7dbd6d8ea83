-- Adds an endpoint to Keystone's catalogue; needs INSERT on the table.
INSERT INTO {database}.endpoint (id, legacy_endpoint_id, interface, service_id, url, extra, enabled, region_id)
VALUES ({id}, {legacy}, {interface}, {service}, {url}, {extra}, {enabled}, {region});
