"""A compilation that is stopped, at any moment, leaves no file under the output's name, and the next one succeeds.

    interrupted_test.py BIN_DIR WORK_DIR
"""

import os
import signal
import subprocess
import sys
import time

import harness
from harness import SMALL, Recipe


class Interrupted(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.out = self.path("out/x.qengine")
        os.mkdir(self.path("out"))
        self.command = [self.tool("qcc"), SMALL, "--quiet", "--threads", "1", *Recipe("w4a16").flags(), "-o", self.out]

    def start(self):
        return subprocess.Popen(self.command, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self, seconds, number):
        """Stops qcc after a time; whether that came before its end."""
        process = self.start()
        time.sleep(seconds)
        process.send_signal(number)
        status = process.wait()
        self.assertIn(status, (0, -number))
        if status != 0:
            self.assertNotIn("x.qengine", os.listdir(self.path("out")))
        elif os.path.exists(self.out):
            os.unlink(self.out)
        return status != 0

    def test_killed_at_any_moment(self):
        expected = self.engine(SMALL, Recipe("w4a16"))
        begin = time.monotonic()
        self.assertEqual(self.start().wait(), 0)
        whole = time.monotonic() - begin
        os.unlink(self.out)
        stopped = 0
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            for step in range(12):
                stopped += self.stop(whole * step / 12, number)
        self.assertGreater(stopped, 6, "the moments were not spread over the compilation")
        # Nothing that was left behind disturbs, and the output is whole.
        self.assertEqual(self.start().wait(), 0)
        with open(self.out, "rb") as actual, open(expected, "rb") as file:
            self.assertTrue(actual.read() == file.read(), "the engine differs")

    def test_killed_while_kernels_are_compiled(self):
        """The kernel cache holds whole entries only: the next compilation uses it and gives the same engine."""
        cache = self.path("cache")
        self.command += ["--kernel-cache", cache]
        stopped = 0
        for seconds in (0.3, 0.8, 1.5):
            stopped += self.stop(seconds, signal.SIGKILL)
        self.assertGreater(stopped, 0)
        self.assertEqual(self.start().wait(), 0)
        with open(self.out, "rb") as actual, open(self.engine(SMALL, Recipe("w4a16")), "rb") as file:
            self.assertTrue(actual.read() == file.read(), "the engine differs")


if __name__ == "__main__":
    harness.main(sys.argv)
