"""Each tool's --help names its flags, with examples; --version answers; unknown flags are refused.

help_test.py BIN_DIR WORK_DIR
"""

import sys

import harness

FLAGS = {
    "qcc": [
        "--target",
        "--quant",
        "--kv-cache-dtype",
        "--threads",
        "-o",
        "--compile-to",
        "--compile-from",
        "--dump-phases-to",
        "--dry-run",
        "--exclude",
        "--group-size",
        "--recipe",
        "--explain-recipe",
        "none",
        "fp8",
        "w4a16",
        "sm_80",
        "sm_89",
        "sm_90",
    ],
    "qcc-run": ["--device", "--tokens", "--text", "--max-new", "--logits"],
    "qcc-inspect": ["--verify", "--json", "--extract", "--recipe"],
    "qcc-eval": ["--quant", "--kv-cache-dtype", "--tokens", "--logits", "--text"],
}


class Help(harness.ToolTest):
    def test_help_names_every_flag(self):
        for tool, flags in FLAGS.items():
            text = self.succeed(tool, "--help").stdout
            words = set(
                text.replace("=", " ")
                .replace("|", " ")
                .replace("<", " ")
                .replace(",", " ")
                .replace(":", " ")
                .split()
            )
            with self.subTest(tool):
                self.assertEqual([flag for flag in flags if flag not in words], [])
                self.assertIn("examples", text.lower())
                self.assertIn("exit status", text.lower())

    def test_version(self):
        for tool in FLAGS:
            with self.subTest(tool):
                self.assertIn(tool, self.succeed(tool, "--version").stdout)

    def test_unknown_flags_are_usage_errors(self):
        for tool in FLAGS:
            with self.subTest(tool):
                self.refused(self.call(tool, "--no-such-flag"), 2, "no-such-flag")


if __name__ == "__main__":
    harness.main(sys.argv)
