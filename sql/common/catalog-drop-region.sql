-- Takes a region back out of Keystone's catalogue; needs DELETE and SELECT on the table.
DELETE FROM {database}.region WHERE id = {id};
