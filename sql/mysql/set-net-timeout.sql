-- Sets after how many silent seconds the link counts as dead, also after a restart; needs SYSTEM_VARIABLES_ADMIN.
SET PERSIST replica_net_timeout = {seconds};
