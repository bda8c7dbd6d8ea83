-- Forgets every transaction, and the binary logs; only where they all came from the master; needs RELOAD.
RESET BINARY LOGS AND GTIDS;
