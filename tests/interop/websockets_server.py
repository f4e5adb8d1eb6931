"""The server of the Python package websockets against echo_client_posix.

    websockets_server.py ECHO_CLIENT
"""

import asyncio
import sys

from support import MIB, Program, expect_equal, pattern, run, step, websockets


async def meet(talk, *client_options, **server_options):
    """Runs a server that has one conversation, and the client; gives what became of the client."""
    told = asyncio.get_running_loop().create_future()

    async def serve(ws, _path=None):
        try:
            await talk(ws)
            told.set_result(None)
        except BaseException as problem:
            told.set_exception(problem)

    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None, **server_options) as server:
        port = server.sockets[0].getsockname()[1]
        client = await Program.start(sys.argv[1], f"ws://127.0.0.1:{port}/", *client_options)
        end = asyncio.create_task(client.end())
        await asyncio.wait((told, end), return_when=asyncio.FIRST_COMPLETED)
        try:
            await asyncio.wait_for(told, 5)
        except asyncio.TimeoutError:
            raise AssertionError(f"the client has ended in mid-talk: {await end}") from None
        return await end


async def round_trip(ws, message):
    await ws.send(message)
    expect_equal(await ws.recv(), message, "echo")


async def test():
    with step("messages come back: text, binary around every edge, fragments"):

        async def talk(ws):
            for text in ("hello", "", "é€🙂", "🙂" * 100_000):
                await round_trip(ws, text)
            for size in (0, 1, 125, 126, 127, 65535, 65536, MIB):
                await round_trip(ws, pattern(size))
            await ws.send(iter("one 🙂 a frame"))
            expect_equal(await ws.recv(), "one 🙂 a frame", "echo")
            await ws.send(iter((b"", pattern(70_000), b"")))
            expect_equal(await ws.recv(), pattern(70_000), "echo")
            await ws.close(1000, "bye")

        expect_equal(await meet(talk), (0, "closed 1000 bye\n", ""), "client")

    with step("many messages at once come back in order"):

        async def talk(ws):
            sent = [f"{i} " + "x" * (i * 37 % 3000) for i in range(500)]
            sending = asyncio.create_task(send_all(ws, sent))
            expect_equal([await ws.recv() for _ in sent], sent, "echoes")
            await sending
            await ws.close(1000)

        async def send_all(ws, messages):
            for message in messages:
                await ws.send(message)

        status, output, errors = await meet(talk)
        expect_equal((status, output.rstrip(), errors), (0, "closed 1000", ""), "client")

    with step("pings are answered with their payload"):

        async def talk(ws):
            for payload in (b"", b"are you there?", b"p" * 125):
                await (await ws.ping(payload))
            await ws.close(1000)

        expect_equal((await meet(talk))[0], 0, "client")

    with step("the code of a Close comes back, and is printed with its reason"):
        for code, reason in ((1000, "bye"), (1001, "moving 🙂"), (1013, "later"), (3000, ""), (4999, "r" * 123)):

            async def talk(ws):
                await ws.close(code, reason)
                expect_equal((ws.close_code, ws.close_reason), (code, ""), "close")

            status, output, errors = await meet(talk)
            expect_equal((status, output.rstrip(), errors), (0, f"closed {code} {reason}".rstrip(), ""), "client")

    with step("--message: one message, its answer, and 1000"):

        async def talk(ws):
            text = await ws.recv()
            expect_equal(text, "hello 🙂", "message")
            await ws.send(f"answer to {text}")
            await ws.wait_closed()
            expect_equal(ws.close_code, 1000, "code")

        status, output, errors = await meet(talk, "--message", "hello 🙂")
        expect_equal((status, errors), (0, ""), "client")
        expect_equal("answer to hello 🙂\n" in output, True, f"output {output!r}")

    with step("a subprotocol of the client's is agreed on, and none is forced on it"):
        for offered, selected in (["echo"], "echo"), (["chat"], None), (None, None):

            async def talk(ws):
                expect_equal(ws.subprotocol, selected, f"of {offered}")
                await round_trip(ws, "hello")
                await ws.close(1000)

            expect_equal((await meet(talk, subprotocols=offered))[0], 0, "client")

    with step("the server's permessage-deflate does not come into play"):

        async def talk(ws):
            expect_equal(ws.extensions, [], "extensions")
            await round_trip(ws, "x" * 5000)
            await ws.close(1000)

        expect_equal((await meet(talk, compression="deflate"))[0], 0, "client")


run(test)
