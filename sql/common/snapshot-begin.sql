-- Opens a snapshot without a lock; needs no privilege.
START TRANSACTION WITH CONSISTENT SNAPSHOT;
