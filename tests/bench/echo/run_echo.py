#!/usr/bin/env python3
"""Runs echo servers against each other on loopback and writes build/bench/echo.md.

The server has one core, the load another. The contenders take turns, round by round; a cell is the median
of the rounds and, in brackets, how many times sansocket's. The figure to trust is the server's time on its
processor: the messages that pass in a second depend on the load generator and on all else that runs.

uWebSockets is not packaged in Debian and so is not among the contenders.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import resource
import select
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGES = ["cmake", "ninja-build", "g++", "libssl-dev", "zlib1g-dev", "libbenchmark-dev",
            "libboost-dev", "libwebsocketpp-dev", "libwebsockets-dev"]
SERVERS = {"sansocket": "examples/echo_server_epoll", "beast": "tests/bench/echo/echo_beast",
           "websocketpp": "tests/bench/echo/echo_websocketpp", "lws": "tests/bench/echo/echo_lws"}
MAX_DESCRIPTORS = 20_000
TAKEOVER, NO_TAKEOVER = "--deflate", "--deflate --no-context-takeover"

# What a row is called, what the load generator is told, what the server is told.
ECHO_ROWS = [
    ("binary 20 B x 10 x 1", "--size 20 --connections 10", ""),
    ("binary 20 B x 100 x 16", "--size 20 --connections 100 --depth 16", ""),
    ("binary 20 B x 10 x 256", "--size 20 --connections 10 --depth 256", ""),
    ("binary 20 B x 1000 x 1", "--size 20 --connections 1000", ""),
    ("binary 1 KiB x 100 x 16", "--size 1024 --connections 100 --depth 16", ""),
    ("text, many scripts, 16 KiB x 10 x 16", "--size 16384 --payload scripts --connections 10 --depth 16", ""),
    ("text, many scripts, 1 MiB x 10 x 1", "--size 1048576 --payload scripts --connections 10", ""),
    ("binary 16 KiB x 100 x 16", "--size 16384 --connections 100 --depth 16", ""),
    ("binary 16 KiB in 16 frames x 10 x 16", "--size 16384 --fragments 16 --connections 10 --depth 16", ""),
    ("binary 1 KiB in 256 frames x 10 x 16", "--size 1024 --fragments 256 --connections 10 --depth 16", ""),
    ("binary 1 MiB x 10 x 1", "--size 1048576 --connections 10", ""),
    ("deflate 128 B x 10 x 16", f"--size 128 --payload json --connections 10 --depth 16 {TAKEOVER}", TAKEOVER),
    ("deflate 1 KiB x 10 x 16", f"--size 1024 --payload json --connections 10 --depth 16 {TAKEOVER}", TAKEOVER),
    ("deflate, no takeover, 128 B x 10 x 16", f"--size 128 --payload json --connections 10 --depth 16 {NO_TAKEOVER}",
     NO_TAKEOVER),
    ("deflate, no takeover, 1 KiB x 10 x 16", f"--size 1024 --payload json --connections 10 --depth 16 {NO_TAKEOVER}",
     NO_TAKEOVER),
    ("handshakes, 32 at a time", "--mode handshake --at-once 32", ""),
    ("handshakes ended by a reset, 32 at a time", "--mode handshake --at-once 32 --abort", ""),
]
MEMORY = "--mode memory --at-once 16 --warmup 0"
MEMORY_ROWS = [
    ("64 KiB, 10,000 connections", f"{MEMORY} --connections 10000 --size 65536", ""),
    ("deflate, no takeover, 1 KiB, 10,000 connections",
     f"{MEMORY} --connections 10000 --size 1024 --payload json {NO_TAKEOVER}", NO_TAKEOVER),
    ("deflate, 1 KiB, 1,000 connections", f"{MEMORY} --connections 1000 --size 1024 --payload json {TAKEOVER}", TAKEOVER),
]


def build(arguments):
    folder = arguments.build
    subprocess.run([ROOT / "cmake/install_packages.sh", *PACKAGES], check=True)
    folder.mkdir(parents=True, exist_ok=True)
    targets = ["load_client"] + [pathlib.Path(SERVERS[name]).name for name in arguments.servers]
    steps = {
        "configure": ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={arguments.compiler}",
                      "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_FLAGS_RELEASE={arguments.flags} -DNDEBUG",
                      "-DSANSOCKET_BUILD_BENCHMARKS=ON", "-DSANSOCKET_BUILD_EXAMPLES=ON", "-DSANSOCKET_BUILD_TESTS=OFF"],
        "build": ["cmake", "--build", folder, "--target", *targets],
    }
    for name, command in steps.items():
        log = folder / f"echo_{name}.log"
        with open(log, "w", encoding="utf-8") as out:
            if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode != 0:
                sys.exit(log.read_text(encoding="utf-8")[-4000:])


class Server:
    """A server that runs, on a port of its own."""

    def __init__(self, name, options, core, folder):
        self.folder = folder
        command = [folder / SERVERS[name], *options.split()]
        if name == "sansocket":
            command += ["--max-connections", str(MAX_DESCRIPTORS)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        ready, _, _ = select.select([self.process.stdout], [], [], 10)
        found = re.match(r"listening on ws://127\.0\.0\.1:(\d+)/", self.process.stdout.readline() if ready else "")
        if not found:
            self.process.kill()
            sys.exit(f"{name} does not listen")
        self.port = found.group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def load(self, options, core):
        """Gives what the load generator measured, or what it complained of."""
        command = [self.folder / "tests/bench/echo/load_client", "--port", self.port, "--pid", str(self.process.pid),
                   *options.split()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                                  preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        except subprocess.TimeoutExpired:
            return {"fault": "no end after 300 seconds"}
        return json.loads(done.stdout) if done.returncode == 0 else {"fault": done.stderr.strip() or "it failed"}


def medians(runs):
    """Gives the median of each figure of a contender, or the first fault."""
    for run in runs:
        if "fault" in run:
            return run
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure_row(row, arguments, fresh):
    """Gives {contender: figures}. `fresh`: a new server for each run, so that its memory is as it was."""
    name, client_options, server_options = row
    server_core, load_core = arguments.cores
    runs = {contender: [] for contender in arguments.servers}
    kept = {}
    try:
        for turn in range(1 if fresh and arguments.quick else arguments.rounds):
            shift = turn % len(arguments.servers)
            for contender in arguments.servers[shift:] + arguments.servers[:shift]:
                if contender not in kept:
                    kept[contender] = Server(contender, server_options, server_core, arguments.build)
                runs[contender].append(kept[contender].load(client_options, load_core))
                if fresh or "fault" in runs[contender][-1]:
                    kept.pop(contender).__exit__()
    finally:
        for server in kept.values():
            server.__exit__()
    print(f"measured: {name}", flush=True)
    return {contender: medians(all_runs) for contender, all_runs in runs.items()}


def number(value):
    """Three digits that count, and no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 if abs(value) >= 1 else 3)}f}" if abs(value) < 10 else f"{value:.1f}"


def table(title, figure, results, contenders):
    lines = [f"| {title} | " + " | ".join(contenders) + " |", "|---|" + "--:|" * len(contenders)]
    for row, cells in results.items():
        base = cells.get("sansocket", {}).get(figure)
        texts = []
        for contender in contenders:
            value = cells[contender].get(figure)
            if value is None:
                texts.append("failed" if "fault" in cells[contender] else "-")
            elif contender == "sansocket" or not base:
                texts.append(number(value))
            else:
                texts.append(f"{number(value)} ({value / base:.2f})")
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    return lines + [""]


def report(echo, memory, arguments):
    lines = []
    if echo:
        lines += ["A row: the message, connections, messages in flight on each.", ""]
        for title, figure in (("server, µs of its processor a message or handshake", "server_cpu_us"),
                              ("messages or handshakes a second", "per_second"),
                              ("median latency, µs, of what is in flight on a connection", "p50_us"),
                              ("99th percentile of it, µs", "p99_us")):
            lines += table(title, figure, echo, arguments.servers)
        deflated = {row: cells for row, cells in echo.items() if row.startswith("deflate")}
        if deflated:
            lines += table("bytes an answer", "bytes_per_message", deflated, arguments.servers)
    if memory:
        lines += table("memory of the server, bytes a connection, idle", "idle", memory, arguments.servers)
        lines += table("after one message each way", "after_message", memory, arguments.servers)
    for row, cells in {**echo, **memory}.items():
        lines += [f"{row}, {contender}: {cell['fault']}" for contender, cell in cells.items() if "fault" in cell]
    compiler = subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True, check=True).stdout
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    lines += ["", "Levels of compression are each library's own: sansocket and websocketpp 6, Beast 8, libwebsockets 1.",
              "", f"{datetime.date.today()}, {compiler.splitlines()[0]}, {arguments.flags}, "
              f"{model.group(1) if model else os.uname().machine}, Linux {os.uname().release}, "
              f"the median of {arguments.rounds} rounds"]
    (arguments.build / "echo.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (arguments.build / "echo.json").write_text(json.dumps({"echo": echo, "memory": memory}, indent=1), encoding="utf-8")
    print("\n".join(lines))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="half a second a run, three rounds, memory once")
    parser.add_argument("--only", metavar="TEXT", action="append", help="rows whose name contains this")
    parser.add_argument("--servers", metavar="LIST", default=",".join(SERVERS), help="such as sansocket,beast")
    parser.add_argument("--rounds", type=int, help="how often each contender takes its turn: 5")
    parser.add_argument("--milliseconds", type=int, help="how long a run takes: 2000")
    parser.add_argument("--cores", metavar="SERVER,LOAD", help="the last two that may be used, unless told otherwise")
    parser.add_argument("--build", metavar="FOLDER", type=pathlib.Path, default=ROOT / "build/bench")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", default="-O2")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    arguments.milliseconds = arguments.milliseconds or (500 if arguments.quick else 2000)
    arguments.servers = arguments.servers.split(",")
    unknown = [name for name in arguments.servers if name not in SERVERS]
    if unknown:
        parser.error(f"not one of {', '.join(SERVERS)}: {', '.join(unknown)}")
    usable = sorted(os.sched_getaffinity(0))
    arguments.cores = [int(core) for core in arguments.cores.split(",")] if arguments.cores else (usable * 2)[-2:]
    if len(arguments.cores) != 2:
        parser.error("two cores: the server's and the load's")
    return arguments


def main():
    arguments = parse_arguments()

    def wanted(rows):
        return [row for row in rows if not arguments.only or any(text in row[0] for text in arguments.only)]

    build(arguments)
    limit = max(MAX_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]) if os.geteuid() == 0 else MAX_DESCRIPTORS
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, limit))
    except (ValueError, OSError):
        print("the limit of open descriptors stays: the rows on memory may fail", file=sys.stderr)
    timing = f" --milliseconds {arguments.milliseconds} --warmup {arguments.milliseconds // 5}"
    echo = {row[0]: measure_row((row[0], row[1] + timing, row[2]), arguments, False) for row in wanted(ECHO_ROWS)}
    memory = {row[0]: measure_row(row, arguments, True) for row in wanted(MEMORY_ROWS)}
    if not echo and not memory:
        sys.exit("no row is called like that")
    report(echo, memory, arguments)


if __name__ == "__main__":
    main()
