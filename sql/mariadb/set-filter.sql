-- Lets only named schemas through; needs REPLICATION SLAVE ADMIN, and replication stopped.
SET GLOBAL replicate_wild_do_table = {filter};
