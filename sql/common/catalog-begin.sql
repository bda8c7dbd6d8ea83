-- Opens the one transaction in which a catalogue is changed; needs no privilege.
START TRANSACTION;
