-- Takes an endpoint back out of Keystone's catalogue, as long as it is the one that was added; needs DELETE and SELECT on the table.
DELETE FROM {database}.endpoint WHERE id = {id} AND service_id = {service} AND region_id = {region} AND url = {url};
