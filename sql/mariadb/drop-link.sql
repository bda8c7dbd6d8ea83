-- Forgets the link; needs RELOAD.
RESET SLAVE ALL;
