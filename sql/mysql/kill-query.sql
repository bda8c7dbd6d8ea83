-- Ends the statement of a connection, not the connection; no privilege for own ones.
KILL QUERY {id};
