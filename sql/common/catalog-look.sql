-- Opens a snapshot in which nothing can be written; needs no privilege.
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;
