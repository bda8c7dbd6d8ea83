-- Makes room for keyward's own table; needs CREATE.
CREATE DATABASE IF NOT EXISTS keyward CHARACTER SET utf8mb4;
