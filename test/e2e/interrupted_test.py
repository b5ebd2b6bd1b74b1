"""A compilation stopped at any moment leaves nothing half-written: not under the output's name, nor, where the file system has
nameless files, under any other.

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
        self.expected = self.engine(SMALL, Recipe("w4a16"))
        self.out = self.path("out/x.qengine")
        os.mkdir(self.path("out"))
        self.command = [
            self.tool("qcc"),
            SMALL,
            "--quiet",
            "--threads",
            "1",
            *Recipe("w4a16").flags(),
            "-o",
            self.out,
        ]

    def start(self):
        return subprocess.Popen(
            self.command,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, seconds, number):
        """Stops qcc after a time; whether that came before its output was in place."""
        process = self.start()
        time.sleep(seconds)
        process.send_signal(number)
        status = process.wait()
        self.assertIn(status, (0, -number))
        finished = os.path.exists(self.out)
        if self.has_nameless_files():
            left = [os.path.basename(self.out)] if finished else []
            self.assertEqual(os.listdir(os.path.dirname(self.out)), left)
        if finished:
            self.check_whole()
            os.unlink(self.out)
        self.assertTrue(finished or status != 0, "qcc succeeded without an output")
        return not finished

    def has_nameless_files(self):
        try:
            os.close(os.open(os.path.dirname(self.out), os.O_TMPFILE | os.O_RDWR))
            return True
        except OSError:
            return False

    def check_whole(self):
        with open(self.out, "rb") as actual, open(self.expected, "rb") as file:
            self.assertTrue(actual.read() == file.read(), "the output is not the engine")

    def test_killed_at_any_moment(self):
        begin = time.monotonic()
        self.assertEqual(self.start().wait(), 0)
        whole = time.monotonic() - begin
        os.unlink(self.out)
        stopped = 0
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            for step in range(12):
                stopped += self.stop(whole * step / 12, number)
        self.assertGreater(stopped, 6, "the moments were not spread over the compilation")
        # Nothing that was left behind disturbs.
        self.assertEqual(self.start().wait(), 0)
        self.check_whole()

    def test_killed_while_kernels_are_compiled(self):
        """The kernel cache holds whole entries only: the next one uses it."""
        cache = self.path("cache")
        self.command += ["--kernel-cache", cache]
        stopped = 0
        for seconds in (0.3, 0.8, 1.5):
            stopped += self.stop(seconds, signal.SIGKILL)
        self.assertGreater(stopped, 0)
        self.assertEqual(self.start().wait(), 0)
        self.check_whole()


if __name__ == "__main__":
    harness.main(sys.argv)
