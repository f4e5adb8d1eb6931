#!/usr/bin/env python3
"""Makes tables and a chart of what the benchmarks measured.

Usage: report.py OUTPUT.md OUTPUT.svg RESULTS.json...

A benchmark is named group/row/contender. All ratios are of medians, within one run: a cell says how long one
item took (a message, a payload, a handshake) and how many times as long as the row's baseline.
"""
import html
import json
import math
import statistics
import sys

BASELINES = {"deflate": "zlib"}  # of the others: sansocket


def baseline_of(group):
    return BASELINES.get(group, "sansocket")


def time_of(result):
    """CPU time in ns: of one item if the benchmark counts items, else of one iteration."""
    if "items_per_second" in result:
        return 1e9 / result["items_per_second"]
    return result["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[result["time_unit"]]


def read(paths):
    """Gives {group: {row: {contender: median in ns}}}, all in the order in which they were registered."""
    groups = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            results = json.load(lines)["benchmarks"]
        times = {}
        order = {}
        for each in results:
            if each["run_type"] != "iteration" or each.get("error_occurred"):
                continue
            times.setdefault(each["run_name"], []).append(time_of(each))
            order[each["run_name"]] = (each["family_index"], each["per_family_instance_index"])
        for name in sorted(times, key=order.get):
            group, row, contender = name.split("/", 2)
            groups.setdefault(group, {}).setdefault(row, {})[contender] = statistics.median(times[name])
    return groups


def contenders_of(rows):
    return list(dict.fromkeys(name for cells in rows.values() for name in cells))


def in_words(ns):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1000 * size else f"{ns / size:.0f} {unit}"
    return f"{ns:.3g} ns"


def ratio_in_words(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def table(group, rows):
    baseline = baseline_of(group)
    contenders = contenders_of(rows)
    lines = [f"| {group} | " + " | ".join(contenders) + " |", "|---|" + "--:|" * len(contenders)]
    for row, cells in rows.items():
        base = cells.get(baseline)
        texts = []
        for name in contenders:
            if name not in cells:
                texts.append("-")
            elif base is None or name == baseline:
                texts.append(in_words(cells[name]))
            else:
                texts.append(f"{in_words(cells[name])} ({ratio_in_words(cells[name] / base)})")
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    return lines


# Classes of STYLE; what is no implementation of the protocol is grey.
COLOURS = {"sansocket": "own", "Boost.Beast": "a", "websocketpp": "b", "wslay": "c", "copy alone": "grey",
           "memcpy": "grey", "byte loop": "pale", "OpenSSL one-shot": "grey", "zlib": "grey"}

STYLE = """
text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}.quiet{fill:#57606a}
.value{font-size:11px}.page{fill:#ffffff}.grid{stroke:#d8dee4}.one{stroke:#57606a}
.own{fill:#0969da}.a{fill:#bc4c00}.b{fill:#8250df}.c{fill:#1a7f37}.d{fill:#bf3989}.e{fill:#9a6700}.grey{fill:#6e7781}.pale{fill:#afb8c1}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.quiet{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#30363d}.one{stroke:#9198a1}
.own{fill:#4493f8}.a{fill:#db6d28}.b{fill:#ab7df8}.c{fill:#3fb950}.d{fill:#db61a2}.e{fill:#d29922}.grey{fill:#7d8590}.pale{fill:#484f58}}
""".replace("\n", "")


def colours_of(groups):
    """A class for each contender: the same in every panel."""
    spare = iter("deabc" * 9)
    classes = {}
    for rows in groups.values():
        for name in contenders_of(rows):
            if name not in classes:
                classes[name] = COLOURS.get(name) or next(spare)
    return dict(sorted(classes.items(), key=lambda each: each[1] in ("grey", "pale")))


class Panel:
    """The bars of one group: the ratio to the baseline, from 1 to the right if it takes longer, to the left if not,
    on a logarithmic scale."""

    LEFT, WIDTH, BAR, GAP = 300, 520, 13, 9

    def __init__(self, group, rows, classes):
        self.group, self.classes = group, classes
        self.baseline = baseline_of(group)
        self.rows = {row: cells for row, cells in rows.items() if self.baseline in cells}
        ratios = [ns / cells[self.baseline] for cells in self.rows.values() for ns in cells.values()]
        self.least = max(min([0.5, *ratios]), 0.1)  # what is less or more than these is cut
        self.most = min(max([2, *ratios]), 1000)

    def x(self, ratio):
        ratio = min(max(ratio, self.least), self.most)
        span = math.log(self.most / self.least)
        return self.LEFT + math.log(ratio / self.least) / span * self.WIDTH

    def ticks(self):
        return [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if self.least <= t <= self.most]

    def draw(self, y):
        """Gives the panel's parts and where it ends."""
        words = f"{self.group}: times the time of {self.baseline}"
        parts = [f'<text x="12" y="{y + 14}" class="title">{html.escape(words)}</text>']
        top = y + 40
        y = top
        bars = []
        for row, cells in self.rows.items():
            middle = y + self.BAR * len(cells) / 2 + 4
            bars.append(f'<text x="{self.LEFT - 10}" y="{middle:.1f}" text-anchor="end">{html.escape(row)}</text>')
            for name, ns in cells.items():
                bars += self.bar(y, name, ns, ns / cells[self.baseline])
                y += self.BAR
            y += self.GAP
        for tick in self.ticks():
            x, kind = self.x(tick), "one" if tick == 1 else "grid"
            parts.append(f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{y - self.GAP + 2}" class="{kind}"/>')
            parts.append(f'<text x="{x:.1f}" y="{top - 9}" text-anchor="middle" class="value quiet">{tick:g}</text>')
        return parts + bars, y + 14

    def bar(self, y, name, ns, ratio):
        start, end = sorted((self.x(1), self.x(ratio)))
        length = max(end - start, 2)  # of the baseline itself there is a mark
        if name == self.baseline:
            words = f"{in_words(ns)}"
        else:
            cut = " »" if ratio > self.most else " «" if ratio < self.least else ""
            words = f"{ratio_in_words(ratio)}{cut}"
        return [
            f'<rect x="{start:.1f}" y="{y}" width="{length:.1f}" height="{self.BAR - 2}" class="{self.classes[name]}">'
            f"<title>{html.escape(name)}: {in_words(ns)}</title></rect>",
            f'<text x="{start + length + 5:.1f}" y="{y + 9.5}" class="value">{words}</text>',
        ]


def legend(groups, classes, width):
    parts, x, y = [], 12, 40
    for name, kind in classes.items():
        length = 40 + 7 * len(name)
        if x + length > width:
            x, y = 12, y + 20
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" class="{kind}"/>')
        parts.append(f'<text x="{x + 17}" y="{y + 10.5}">{html.escape(name)}</text>')
        x += length
    return parts, y + 34


def chart(groups):
    """One panel for each group, over each other."""
    width = Panel.LEFT + Panel.WIDTH + 70
    classes = colours_of(groups)
    parts, y = legend(groups, classes, width)
    parts.append('<text x="12" y="22" class="quiet">To the right of 1 is slower than the baseline, to the left faster; '
                 "the scale is logarithmic. The baseline has its own time at its mark.</text>")
    for group, rows in groups.items():
        drawn, y = Panel(group, rows, classes).draw(y)
        parts += drawn
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" role="img">'
            f'<style>{STYLE}</style><rect width="{width}" height="{y}" class="page"/>')
    return head + "\n".join(parts) + "</svg>\n"


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
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
