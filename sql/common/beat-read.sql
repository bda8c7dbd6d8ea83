-- Reads the number in this keyward's own row; a beat that is still being committed is waited for; SELECT, UPDATE on keyward.beat.
SELECT number FROM keyward.beat WHERE instance = {instance} LOCK IN SHARE MODE;
