-- Tells from which port a connection with this id came, so that nobody else's is taken for ours; no privilege for own ones.
SELECT ID AS ghost, HOST AS ghost_host FROM performance_schema.processlist WHERE ID = {id};
