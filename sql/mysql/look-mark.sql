-- Reads whether an unfinished copy has marked schema keyward; needs any right on it.
SELECT TABLE_COMMENT AS own_comment FROM information_schema.TABLES
WHERE TABLE_SCHEMA = 'keyward' AND TABLE_NAME = 'keyward_unfinished';
