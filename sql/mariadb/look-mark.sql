-- Reads whether an unfinished copy has marked schema keyward; needs any right on it.
SELECT SCHEMA_COMMENT AS own_comment FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'keyward';
