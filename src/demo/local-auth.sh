#!/bin/sh
# The demo's hook: writes down when it ran and what it was told.
echo "$(date +%s.%N) $KEYWARD_EVENT $KEYWARD_TURN $KEYWARD_ATTEMPT" >>"{folder}/hook-runs"
