-- Lets a commit that is just becoming visible show in the position too; no privilege.
DO SLEEP(0.001);
