-- Reads the regions of Keystone's catalogue; needs SELECT on the table, and to lock rows UPDATE.
SELECT id AS region, description, parent_region_id, extra FROM {database}.region ORDER BY id LIMIT {most}{lock};
