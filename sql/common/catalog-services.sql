-- Reads the services of Keystone's catalogue; needs SELECT on the table, and to lock rows UPDATE.
SELECT id AS service, type, enabled, extra FROM {database}.service ORDER BY id LIMIT {most}{lock};
