-- Gives a table's metadata lock back and keeps the snapshot; needs no privilege.
ROLLBACK TO SAVEPOINT keyward;
