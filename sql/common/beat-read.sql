-- Reads the number in this keyward's own row; SELECT on keyward.beat.
SELECT number FROM keyward.beat WHERE instance = {instance};
