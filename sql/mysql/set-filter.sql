-- Lets only named schemas through, on the unnamed channel and on new ones; needs REPLICATION_SLAVE_ADMIN, and replication stopped.
CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = ({patterns});
