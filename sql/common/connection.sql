-- Tells whose connection it is; needs PROCESS for others than one's own.
SELECT USER AS user, HOST AS host
FROM /*M! information_schema.PROCESSLIST */ /*!80000 performance_schema.processlist */ WHERE ID = {id};
