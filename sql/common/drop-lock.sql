-- Lets a named lock go; needs no privilege.
DO RELEASE_LOCK({name});
