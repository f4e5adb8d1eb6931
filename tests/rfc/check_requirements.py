#!/usr/bin/env python3
"""Checks that every requirement of RFC 6455 names a test that exists, ran and passed.

Usage: check_requirements.py RFC_TESTS REQUIREMENTS.tsv
"""
import csv
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml


def passed_tests(program):
    """Runs the tests; gives a dictionary from each test's name to whether it passed."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        subprocess.run([program, "-r", "xml", "-o", report.name], check=False)
        root = xml.parse(report.name).getroot()
    cases = {}
    for case in root.iter("TestCase"):
        asserted = case.find(".//Expression") is not None or case.find("OverallResult") is not None
        cases[case.get("name")] = asserted and case.find("OverallResult").get("success") == "true"
    return cases


def main(program, table):
    cases = passed_tests(program)
    with open(table, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    faults = []
    seen = set()
    for row in rows:
        if None in row.values() or not all(row.values()):
            faults.append(f"{row['id']}: a column is empty")
        if row["id"] in seen:
            faults.append(f"{row['id']}: stands there twice")
        seen.add(row["id"])
        if row["test"] not in cases:
            faults.append(f"{row['id']}: no test ran that is named: {row['test']}")
        elif not cases[row["test"]]:
            faults.append(f"{row['id']}: failed: {row['test']}")
    for fault in faults:
        print(fault)
    named = {row["test"] for row in rows}
    print(f"{len(rows)} requirements, {len(named)} tests show them, {len(cases)} tests ran, {len(faults)} faults")
    return 1 if faults or not rows else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
