-- Stops every write until the snapshots are open; needs RELOAD.
FLUSH TABLES WITH READ LOCK;
