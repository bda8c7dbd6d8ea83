-- Ends the snapshot; needs no privilege.
ROLLBACK;
