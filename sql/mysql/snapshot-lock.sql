-- Holds every writer for the moment in which the snapshot is opened; needs FLUSH_TABLES.
FLUSH TABLES WITH READ LOCK;
