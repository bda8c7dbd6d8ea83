-- Makes a schema the current one; needs any right on it.
USE {name};
