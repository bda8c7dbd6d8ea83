-- Makes the database of a real Keystone, empty; the lab's root.
CREATE DATABASE keystone DEFAULT CHARACTER SET utf8mb3;
