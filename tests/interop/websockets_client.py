"""The client of the Python package websockets against echo_server_epoll.

    websockets_client.py ECHO_SERVER
"""

import asyncio
import sys

from support import MIB, Program, expect_equal, pattern, run, step, websockets


def connect(url, **options):
    return websockets.connect(url, max_size=None, **options)


async def round_trip(ws, message):
    await ws.send(message)
    expect_equal(await ws.recv(), message, "echo")


async def code_of_end(ws):
    try:
        message = await ws.recv()
    except websockets.ConnectionClosed:
        return ws.close_code
    raise AssertionError(f"{message!r:.100} instead of a Close")


async def test():
    server = await Program.start(sys.argv[1], "--port", "0", "--max-message", str(MIB))
    url = await server.url()

    with step("text: short, empty, every length of UTF-8, long"):
        async with connect(url) as ws:
            for text in ("hello", "", "é", "€", "🙂", "line\nbreak \0 nul", "🙂" * (MIB // 4)):
                await round_trip(ws, text)

    with step("binary: around every edge of the length field, up to the limit"):
        async with connect(url) as ws:
            for size in (0, 1, 125, 126, 127, 65535, 65536, MIB):
                await round_trip(ws, pattern(size))

    with step("permessage-deflate is offered and not taken"):
        async with connect(url, compression="deflate") as ws:
            expect_equal(ws.extensions, [], "extensions")
            await round_trip(ws, "uncompressed")

    with step("fragments: text and binary, one code point a frame, empty ones"):
        async with connect(url) as ws:
            await ws.send(iter("héllo 🙂 wörld"))
            expect_equal(await ws.recv(), "héllo 🙂 wörld", "echo")
            await ws.send(iter((b"", pattern(70_000), b"", pattern(3), b"")))
            expect_equal(await ws.recv(), pattern(70_000) + pattern(3), "echo")

    with step("ping: its payload comes back, and messages go on"):
        async with connect(url) as ws:
            for payload in (b"", b"are you there?", b"p" * 125):
                await (await ws.ping(payload))
            await ws.pong(b"unasked")
            await round_trip(ws, "still there")

    with step("close: the code comes back"):
        for code in (1000, 1001, 1003, 1011, 1013, 3000, 3999, 4000, 4999):
            ws = await connect(url)
            await ws.close(code, "as the client says 🙂")
            expect_equal((ws.close_code, ws.close_reason), (code, ""), "close")

    with step("subprotocol: echo if it is offered, none otherwise"):
        for offered, selected in ((["echo"], "echo"), (["chat", "echo"], "echo"), (["chat"], None), (None, None)):
            async with connect(url, subprotocols=offered) as ws:
                expect_equal(ws.subprotocol, selected, f"of {offered}")

    with step("a message of one byte too many: 1009, whole and in fragments"):
        for message in (pattern(MIB + 1), iter((pattern(MIB), pattern(1)))):
            ws = await connect(url)
            try:
                await ws.send(message)
            except websockets.ConnectionClosed:
                pass  # the verdict falls at the header, and can be here before the message is out
            expect_equal(await code_of_end(ws), 1009, "code")

    with step("200 connections at once, all closed with 1001 when the server stops"):
        several = await asyncio.gather(*(connect(url) for _ in range(200)))
        await asyncio.gather(*(round_trip(ws, f"connection {i}") for i, ws in enumerate(several)))
        server.stop()
        expect_equal(await asyncio.gather(*map(code_of_end, several)), [1001] * len(several), "codes")
        expect_equal(await server.end(), (0, "", ""), "server")


run(test)
