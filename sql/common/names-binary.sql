-- Lets bytes through as they are; needs no privilege.
SET NAMES binary;
