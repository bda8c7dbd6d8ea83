-- Adds a service to Keystone's catalogue; needs INSERT on the table.
INSERT INTO {database}.service (id, type, enabled, extra) VALUES ({id}, {type}, {enabled}, {extra});
