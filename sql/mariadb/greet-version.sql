-- Tells what kind of server answers, in words that MySQL knows too; no privilege.
SELECT @@version AS version, @@version_comment AS version_comment;
