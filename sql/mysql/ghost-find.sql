-- Finds a connection by its id and the port it came from, so that nobody else's is taken for it; no privilege for own ones.
SELECT ID AS ghost FROM performance_schema.processlist WHERE ID = {id} AND HOST = {host};
