-- Reads at which revision Keystone's schema is; needs SELECT on it.
SELECT version_num AS revision FROM {schema}.alembic_version ORDER BY version_num LIMIT 100;
