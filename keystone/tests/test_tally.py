"""The line about skipped writes comes at once, then once a minute with a count."""
import unittest

from keyward_keystone import tally


class OnceAMinute(unittest.TestCase):
    def setUp(self):
        self.now = 1000.0
        self.tally = tally.Tally(clock=lambda: self.now)

    def lines(self, deed):
        """What is told while the deed is done."""
        with self.assertLogs(tally.LOG, "WARNING") as seen:
            # assertLogs wants one line at least
            tally.LOG.warning("begin")
            deed()
        return [record.getMessage() for record in seen.records[1:]]

    def test_first_at_once(self):
        line, = self.lines(lambda: self.tally.add("a", 1290))
        self.assertEqual(line, "Skipped 1 writes of login bookkeeping, because the database refuses them"
                               " (1290: the server is read-only): 1 x a")

    def test_many_become_one_line(self):
        self.lines(lambda: self.tally.add("a", 1290))

        def three():
            for seconds, write in ((1, "b"), (29, "a"), (29, "b")):
                self.now += seconds
                self.tally.add(write, 1143)

        self.assertEqual(self.lines(three), [])
        self.now += 1
        line, = self.lines(lambda: self.tally.add("a", 1142))
        self.assertEqual(line, "Skipped 4 writes of login bookkeeping in the last 60 s, because the database refuses"
                               " them (1142: Keystone's account may not write to the table): 2 x a, 2 x b")

    def test_rest_is_told_by_a_login_that_skips_nothing(self):
        self.lines(lambda: [self.tally.add("a", 1290) for _ in range(3)])
        self.now += 59
        self.assertEqual(self.lines(self.tally.tell_if_due), [])
        self.now += 61
        line, = self.lines(self.tally.tell_if_due)
        self.assertIn("Skipped 2 writes of login bookkeeping in the last 120 s", line)
        self.now += 1000
        self.assertEqual(self.lines(self.tally.tell_if_due), [])


if __name__ == "__main__":
    unittest.main()
