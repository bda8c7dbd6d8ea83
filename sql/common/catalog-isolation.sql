-- Lets rows that were read to be changed keep new ones from coming between them; needs no privilege.
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
