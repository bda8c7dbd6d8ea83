-- Puts a region's address of the identity service into Keystone's catalogue; the lab's root.
UPDATE keystone.endpoint SET url = {url} WHERE region_id = {region};
