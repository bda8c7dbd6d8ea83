-- Sets which tables are replicated, with the threads stopped; REPLICATION SLAVE ADMIN.
SET GLOBAL replicate_wild_do_table = {filter};
