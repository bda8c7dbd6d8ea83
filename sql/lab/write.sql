-- Writes what Keystone writes when somebody's password was wrong; the account of the region's own Keystone.
UPDATE keystone.local_user SET failed_auth_count = failed_auth_count + 1 WHERE name = {name};
