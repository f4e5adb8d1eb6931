"""What the tests in Python share: processes with an end, and steps that say what they saw."""

import asyncio
import contextlib
import re
import signal
import sys
import time

try:
    import websockets
except ImportError:
    sys.exit("FAILED: this Python has no module websockets: tests/run.sh installs what this test needs")

MIB = 1024 * 1024


def pattern(size):
    """Bytes that show when they are out of place."""
    return bytes((i * 31 + (i >> 8)) & 0xFF for i in range(size))


def expect_equal(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r:.200} is not {expected!r:.200}")


@contextlib.contextmanager
def step(what):
    """One named part of a test."""
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"in: {what}", file=sys.stderr)
        raise
    print(f"ok  {what} ({(time.monotonic() - start) * 1000:.0f} ms)", flush=True)


class Program:
    """A program of this project, with all that it prints."""

    running = set()

    @classmethod
    async def start(cls, *command):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        cls.running.add(self)
        return self

    async def url(self):
        """Waits for the line that says where a server listens."""
        line = (await self.process.stdout.readline()).decode()
        found = re.fullmatch(r"listening on (ws://127\.0\.0\.1:\d+/)\n", line)
        if not found:
            raise AssertionError(f"it said: {line!r}")
        return found[1]

    async def end(self):
        """Gives the exit status, and what was printed to the two outputs."""
        output, errors = await self.process.communicate()
        self.running.discard(self)
        return self.process.returncode, output.decode(), errors.decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)


def run(test, seconds=60):
    """Runs the test: it must be done in time, and leaves no process behind."""

    async def limited():
        try:
            await asyncio.wait_for(test(), seconds)
        finally:
            for program in Program.running:
                with contextlib.suppress(ProcessLookupError):
                    program.process.kill()

    asyncio.run(limited())
    print("all as expected")
