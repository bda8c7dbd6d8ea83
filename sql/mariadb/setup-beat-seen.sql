-- Tells whether set-up's own beat has arrived; needs SELECT on keyward.beat.
SELECT number FROM keyward.beat WHERE instance = {instance};
