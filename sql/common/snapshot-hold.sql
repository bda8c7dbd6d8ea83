-- Marks the point to which each table's metadata lock is given back; needs no privilege.
SAVEPOINT keyward;
