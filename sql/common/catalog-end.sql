-- Makes a changed catalogue last; needs no privilege.
COMMIT;
