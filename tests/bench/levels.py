#!/usr/bin/env python3
"""Compares the best time of every benchmark at -O2 with its best at -O3.

    levels.py JSON...      files of Google Benchmark, in folders whose names end with their level

Prints the rows where -O2 takes longest, and ends with 1 if one takes more than 10 % longer.
"""

import json
import pathlib
import sys

LIMIT = 1.10


def main() -> int:
    best = {}  # (program, benchmark) -> level -> ns
    for name in map(pathlib.Path, sys.argv[1:]):
        level = name.parent.name.rsplit("-", 1)[1]
        for row in json.loads(name.read_text())["benchmarks"]:
            if row.get("run_type") != "iteration":
                continue
            times = best.setdefault((name.name.split(".")[0], row["name"]), {})
            times[level] = min(times.get(level, float("inf")), row["cpu_time"])
    rows = sorted(((t["O2"] / t["O3"], key, t) for key, t in best.items()), reverse=True)
    for ratio, (program, benchmark), times in rows[:10]:
        print(f"{ratio:.2f}  {program} {benchmark}: {times['O2']:.1f} ns at -O2, {times['O3']:.1f} at -O3")
    beyond = sum(ratio > LIMIT for ratio, _, _ in rows)
    print(f"{len(rows)} figures; at -O2 {beyond} take more than 10 % longer than at -O3")
    return 1 if beyond or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
