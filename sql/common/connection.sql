-- Tells whose connection it is; needs PROCESS for others than one's own.
SELECT USER AS user, HOST AS host FROM information_schema.PROCESSLIST WHERE ID = {id};
