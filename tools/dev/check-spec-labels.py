#!/usr/bin/env python3
"""Checks that every constraint of docs/spec.md has a verifier and a negative test, and that neither names one that does not exist.

A constraint's label is its heading and number, such as linear_c1; it is looked for in its dialect's folders only, because
ops of two dialects may share a name.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABEL = re.compile(r"\b[a-z_0-9]+_c\d+")


def spec_labels():
    """{dialect: {label}} from the headings and numbered constraints of the specification."""
    labels, dialect, name = {}, None, None
    for line in (ROOT / "docs/spec.md").read_text().splitlines():
        if line.startswith("## "):
            dialect = line[3:].strip()
            labels[dialect] = set()
        elif line.startswith("### "):
            name = line[4:].strip()
        elif constraint := re.match(r"- \(C(\d+)\)", line):
            labels[dialect].add(f"{name}_c{constraint.group(1)}")
    return labels


def labels_in(files, pattern):
    """Labels in the lines of `files` that match `pattern`; a test's name may go on after its label."""
    found = set()
    for file in files:
        for line in file.read_text().splitlines():
            if pattern.search(line):
                found.update(LABEL.findall(line))
    return found


def main():
    problems = []
    spec = spec_labels()
    for dialect, labels in spec.items():
        folder = dialect.capitalize()
        verified = labels_in((ROOT / "lib/Dialect" / folder).glob("*.cpp"), re.compile(r"^\s*// [a-z_0-9]+_c\d+"))
        tests = list((ROOT / "test/Dialect" / folder).glob("*-invalid.mlir"))
        tested = labels_in(tests, re.compile(r'[@"]\w*_c\d+'))
        for label in sorted(labels - verified):
            problems.append(f"{dialect}: {label} has no verifier: no comment '// {label}' in lib/Dialect/{folder}")
        for label in sorted(labels - tested):
            problems.append(f"{dialect}: {label} has no negative test: nothing named so in test/Dialect/{folder}/*-invalid.mlir")
        for label in sorted((verified | tested) - labels):
            problems.append(f"{dialect}: {label} is not in docs/spec.md")
    for problem in problems:
        print(problem)
    print(f"{sum(map(len, spec.values()))} constraints, {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
