-- Takes a service back out of Keystone's catalogue; needs DELETE and SELECT on the table.
DELETE FROM {database}.service WHERE id = {id};
