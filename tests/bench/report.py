#!/usr/bin/env python3
"""Makes tables and a chart of what the benchmarks measured.

Usage: report.py OUTPUT.md OUTPUT.svg RESULTS.json...

A benchmark is named group/row/contender. All ratios are of medians, within one run: a cell says how long it
took and how many times as long as the group's baseline.
"""
import html
import json
import statistics
import sys

BASELINES = {"deflate": "zlib"}  # of the others: sansocket


def read(paths):
    """Gives {group: {row: {contender: median in ns}}}, all in the order in which they were registered."""
    groups = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            results = json.load(lines)["benchmarks"]
        times = {}
        order = {}
        for each in results:
            if each["run_type"] != "iteration":
                continue
            times.setdefault(each["run_name"], []).append(each["cpu_time"])
            order[each["run_name"]] = each["family_index"]
        for name in sorted(times, key=order.get):
            group, row, contender = name.split("/", 2)
            groups.setdefault(group, {}).setdefault(row, {})[contender] = statistics.median(times[name])
    return groups


def in_words(ns):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1000 * size else f"{ns / size:.0f} {unit}"
    return f"{ns:.3g} ns"


def table(group, rows):
    baseline = BASELINES.get(group, "sansocket")
    contenders = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    lines = [f"| {group} | " + " | ".join(contenders) + " |", "|---|" + "--:|" * len(contenders)]
    for row, cells in rows.items():
        base = cells.get(baseline)
        texts = []
        for name in contenders:
            if name not in cells:
                texts.append("-")
            elif base is None:
                texts.append(in_words(cells[name]))
            elif name == baseline:
                texts.append(in_words(base))
            else:
                texts.append(f"{in_words(cells[name])} ({cells[name] / base:.2f})")
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    return lines


COLOURS = ["#1f6feb", "#8b949e", "#d29922", "#a371f7", "#3fb950", "#db6d28"]


def chart(groups):
    """Bars of the ratios to the baseline, cut off where one is far away."""
    bar, left, width, most = 12, 330, 560, 10.0
    contenders = list(dict.fromkeys(n for rows in groups.values() for cells in rows.values() for n in cells))
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(contenders)}
    parts, y = [], 34
    for group, rows in groups.items():
        baseline = BASELINES.get(group, "sansocket")
        y += 10
        parts.append(f'<text x="8" y="{y + 10}" class="group">{html.escape(group)}: times the {baseline} time</text>')
        y += 18
        for row, cells in rows.items():
            if baseline not in cells:
                continue
            parts.append(f'<text x="8" y="{y + 10}">{html.escape(row)}</text>')
            for name, ns in cells.items():
                ratio = ns / cells[baseline]
                length = min(ratio, most) / most * width
                parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" fill="{colour[name]}"/>')
                words = f"{ratio:.2f}" + (" →" if ratio > most else "")
                parts.append(f'<text x="{left + length + 4:.1f}" y="{y + 9}" class="value">{words}</text>')
                y += bar
            y += 5
    legend, x = [], 8
    for name in contenders:
        legend.append(f'<rect x="{x}" y="12" width="10" height="10" fill="{colour[name]}"/>')
        legend.append(f'<text x="{x + 14}" y="21">{html.escape(name)}</text>')
        x += 30 + 7 * len(name)
    style = ("text{font:11px sans-serif;fill:#57606a}.group{font-weight:bold}.value{font-size:10px}"
             "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{y + 10}"><style>{style}</style>'
    return head + "".join(legend + parts) + "</svg>\n"


def main(markdown, svg, *results):
    groups = read(results)
    lines = []
    for group, rows in groups.items():
        lines += table(group, rows) + [""]
    with open(markdown, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))
    with open(svg, "w", encoding="utf-8") as out:
        out.write(chart(groups))


if __name__ == "__main__":
    main(*sys.argv[1:])
