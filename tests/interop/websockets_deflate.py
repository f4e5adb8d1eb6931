"""permessage-deflate between the Python package websockets, in both roles, and the two echo programs.

    websockets_deflate.py ECHO_SERVER ECHO_CLIENT
"""

import asyncio
import itertools
import random
import sys

from support import MIB, Program, expect_equal, pattern, run, step, websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

TEXT = "many scripts: héllo, γειά, привет, 你好, 🙂. " * 40
MESSAGES = [TEXT, "", "short", TEXT, pattern(300), random.Random(1).randbytes(100_000), TEXT * 300, bytes(MIB), TEXT]


async def round_trip(ws, message):
    await ws.send(message)
    expect_equal(await ws.recv(), message, "echo")


async def talk_of_all(ws):
    expect_equal([each.name for each in ws.extensions], ["permessage-deflate"], "extensions")
    for message in MESSAGES:
        await round_trip(ws, message)
    await ws.send(iter((TEXT, "", TEXT[:7], "")))
    expect_equal(await ws.recv(), TEXT + TEXT[:7], "echo of fragments")


def server_offers():
    """What a client of websockets can offer."""
    for server_no, client_no, server_bits, client_bits in itertools.product(
            (False, True), (False, True), (None, 9), (True, 10)):
        yield ClientPerMessageDeflateFactory(server_no, client_no, server_bits, client_bits)


def client_answers():
    """What a server of websockets can answer."""
    for server_no, client_no, server_bits, client_bits in itertools.product(
            (False, True), (False, True), (None, 9), (None, 10)):
        yield ServerPerMessageDeflateFactory(server_no, client_no, server_bits, client_bits)


async def test():
    for options in ((), ("--no-context-takeover",)):
        server = await Program.start(sys.argv[1], "--port", "0", "--max-message", str(MIB), "--deflate", *options)
        url = await server.url()

        with step(f"client websockets, server --deflate {' '.join(options)}: all parameters, all kinds of messages"):
            for offer in server_offers():
                async with websockets.connect(url, compression=None, extensions=[offer], max_size=None) as ws:
                    await talk_of_all(ws)

        with step("one byte more than the limit once it is inflated: 1009"):
            ws = await websockets.connect(url, max_size=None)
            await ws.send(bytes(MIB + 1))
            await ws.wait_closed()
            expect_equal(ws.close_code, 1009, "code")

        server.stop()
        expect_equal(await server.end(), (0, "", ""), "server")

    with step("server websockets, client --deflate: what the server chooses is kept to"):
        for answer in client_answers():
            told = asyncio.get_running_loop().create_future()

            async def serve(ws, _path=None):
                try:
                    await talk_of_all(ws)
                    await ws.close(1000, "bye")
                    told.set_result(None)
                except BaseException as problem:
                    told.set_exception(problem)

            async with websockets.serve(serve, "127.0.0.1", 0, compression=None, extensions=[answer],
                                        max_size=None) as server:
                port = server.sockets[0].getsockname()[1]
                client = await Program.start(sys.argv[2], f"ws://127.0.0.1:{port}/", "--deflate")
                await asyncio.wait_for(told, 20)
                expect_equal(await client.end(), (0, "compression agreed\nclosed 1000 bye\n", ""), "client")


run(test)
