-- Adds a region to Keystone's catalogue; needs INSERT on the table.
INSERT INTO {database}.region (id, description, parent_region_id, extra)
VALUES ({id}, {description}, {parent}, {extra});
