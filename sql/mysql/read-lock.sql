-- Stops writes to these tables, and to no others, until the snapshots are open; needs LOCK TABLES and SELECT on them.
LOCK TABLES {tables};
