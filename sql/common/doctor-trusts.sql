-- Counts trusts that are good for a number of uses and still are; needs SELECT on Keystone's schema.
SELECT COUNT(*) AS trusts FROM {schema}.trust
WHERE remaining_uses > 0 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP());
