-- Finds a connection by its id and the port it came from, so that nobody else's is taken for it; no privilege for own ones.
SELECT ID AS ghost FROM information_schema.PROCESSLIST WHERE ID = {id} AND HOST = {host};
