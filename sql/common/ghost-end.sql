-- Ends a connection that this keyward has left behind; no privilege for own ones.
KILL CONNECTION {id};
