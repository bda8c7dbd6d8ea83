-- Sets after how many silent seconds the link counts as dead; needs REPLICATION SLAVE ADMIN.
SET GLOBAL slave_net_timeout = {seconds};
