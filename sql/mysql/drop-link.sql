-- Forgets the link; needs RELOAD.
RESET REPLICA ALL FOR CHANNEL '';
