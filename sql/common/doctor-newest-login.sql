-- Reads the newest day on which a login was written down; needs SELECT on Keystone's schema.
SELECT DATE_FORMAT(MAX(last_active_at), '%Y-%m-%d') AS newest FROM {schema}.`user`;
