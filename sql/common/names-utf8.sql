-- Speaks UTF-8; needs no privilege.
SET NAMES utf8mb4;
