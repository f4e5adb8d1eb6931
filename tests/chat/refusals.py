"""What chat_server refuses, and that nobody else notices.

    refusals.py CHAT_SERVER

Each refusal is met by a client while another one, ann, says something and is answered.
"""

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time

from chat_support import SUBPROTOCOL, Member, Server, code_of_end, expect_equal, refused, run, step, websockets

PROGRAM = sys.argv[1]


async def raw_upgrade(server, user, receive_buffer=None):
    """A WebSocket of which nothing is read unless the test does, and nothing answered."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", server.port))
    await loop.sock_sendall(sock, (
        f"GET /chat HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nAuthorization: Bearer {server.token(user)}\r\n\r\n").encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += await loop.sock_recv(sock, 1)
    expect_equal(answer.split()[1], b"101", "status")
    return sock


def frame(text):
    """A text message as a client sends it, with a masking key of zeros."""
    payload = text.encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


def envelope(type, id, **payload):
    return json.dumps({"type": type, "id": id, "payload": payload})


async def read_to_end(sock):
    """All that still comes."""
    loop = asyncio.get_running_loop()
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := await asyncio.wait_for(loop.sock_recv(sock, 65536), 20):
            data += more
    sock.close()
    return data


async def refuses_upgrades():
    server = await Server.serve(PROGRAM, "--origin", "https://chat.example")
    ann = await server.member("ann")

    async def check(status, what, **options):
        got, headers = await refused(server.connect(**options))
        expect_equal(got, status, what)
        await ann.say_and_see(what)
        return headers

    def bearer(token):
        return {"headers": {"Authorization": f"Bearer {token}"}}

    with step("no token, a bad one, one that has expired, one of another server: 401"):
        good = server.token("bob")
        other = Server()
        other.secret = bytes(32)
        for what, token in (("bad", good[:-1] + "?"), ("expired", server.token("bob", -1)), ("no dots", "nonsense"),
                            ("empty", ""), ("foreign", other.token("bob")), ("nobody", server.token(""))):
            headers = await check(401, what, **bearer(token))
            expect_equal(headers["WWW-Authenticate"], "Bearer", what)
        await check(401, "none", headers={})
        await check(401, "in another cookie", headers={"Cookie": f"token={good}"})
        async with server.connect(headers={"Cookie": f"a=b; chat_token={good}; c"}):
            await ann.say_and_see("a good one is let in")

    with step("another page's origin: 403; the one that was named, or none: let in"):
        for origin in ("https://evil.example", "http://chat.example", "null", f"http://127.0.0.1:{server.port}"):
            await check(403, origin, user="bob", origin=origin)
        for origin in ("https://chat.example", None):
            async with server.connect("bob", origin=origin):
                await ann.say_and_see("let in")

    with step("no subprotocol, or another: 400; no upgrade: 400; the refusal says why"):
        await check(400, "none", user="bob", subprotocols=None)
        await check(400, "another", user="bob", subprotocols=["chat"])
        status, fields, body = await server.request("GET /chat HTTP/1.1\r\nHost: a\r\n\r\n")
        expect_equal((status, body), (400, "the Upgrade field does not name websocket\n"), "refusal")
        expect_equal(fields["connection"], "close", "connection")

    with step("HTTP: sign-in, what it refuses, and the pages"):
        async def post(body, *fields, length=None):
            lines = [f"Content-Length: {len(body.encode()) if length is None else length}", *fields]
            return await server.request("POST /login HTTP/1.1\r\nHost: a.example\r\n" +
                                        "".join(line + "\r\n" for line in lines) + "\r\n" + body)

        status, fields, body = await post("x=1&name=J%C3%BCrgen+B&name=no")
        expect_equal((status, body), (204, ""), "sign-in")
        cookie, *attributes = fields["set-cookie"].split("; ")
        expect_equal(attributes, ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=86400"], "cookie")
        guest = Member(await server.connect(headers={"Cookie": cookie}))
        await guest.join("hall")
        expect_equal(guest.joined["payload"]["user"], "Jürgen B", "user")
        expect_equal(guest.joined["payload"]["members"], ["Jürgen B", "ann"], "members")
        await guest.close()

        for status, body in ((400, "name="), (400, "nme=bob"), (400, "name=%0A"), (400, "name=%F"), (400, "name=%FF"),
                             (400, "name=" + "a" * 33), (413, "name=" + "a" * 1020)):
            expect_equal((await post(body))[0], status, body)
        expect_equal((await post("name=bob", length="-1"))[0], 400, "length")
        expect_equal((await post("name=bob", "Content-Length: 3"))[0], 400, "two lengths")
        expect_equal((await post("name=bob", "Transfer-Encoding: chunked"))[0], 400, "a length, and chunks")
        expect_equal((await post("name=bob", "Origin: http://evil.example"))[0], 403, "origin")
        expect_equal((await post("name=bob", "Origin: http://a.example"))[0], 204, "origin")
        for method, path, status in (("GET", "/login", 405), ("POST", "/", 405), ("GET", "/nowhere", 404),
                                     ("GET", "/../chat_server.cpp", 404)):
            expect_equal((await server.request(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"))[0], status, path)
        status, fields, body = await server.request("GET /schema.json HTTP/1.1\r\nHost: a\r\n\r\n")
        expect_equal((status, json.loads(body)["title"]), (200, SUBPROTOCOL), "schema")
        status, fields, body = await server.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        expect_equal((status, fields["content-security-policy"]), (200, "default-src 'self'"), "page")
        expect_equal((await server.request("nonsense\r\n\r\n"))[0], 400, "nonsense")
        await ann.say_and_see("still there")

    await ann.close()
    await server.stop_and_end()


async def ends_connections():
    server = await Server.serve(PROGRAM, "--max-message", "5000")
    ann = await server.member("ann")

    async def ends_with(code, what, message):
        bob = await server.member("bob")
        await bob.ws.send(message)
        await ann.say_and_see(what)
        expect_equal(await code_of_end(bob.ws), code, what)

    with step("a message that is too long: 1009; binary: 1003"):
        await ends_with(1009, "one frame", "x" * 5001)
        await ends_with(1009, "fragments", iter(("x" * 5000, "x")))
        await ends_with(1003, "binary", b"{}")

    with step("what is no envelope is answered, and the connection lives on"):
        bob = await server.member("bob")
        for text, code in (("no JSON", "not_json"), ("[]", "not_an_envelope"), (envelope("x", 4), "unknown_type"),
                           (envelope("say", 4), "missing_field"), (envelope("say", 4, text=7), "wrong_type"),
                           (envelope("say", 4, text=""), "empty"), (envelope("say", 4, text="x" * 4001), "too_long")):
            await bob.ws.send(text)
            answer = await bob.next("error")
            expect_equal(answer["payload"]["code"], code, text)
            expect_equal(answer["id"], 4 if "4" in text else None, text)
        await ann.say_and_see("nobody else heard of it")
        await bob.say_and_see("and I am still here")
        expect_equal(await ann.texts(1), ["and I am still here"], "message")
        await bob.close()
        stranger = Member(await server.connect("eve"))
        await stranger.say("hello?")
        expect_equal((await stranger.next("error"))["payload"]["code"], "not_joined", "code")
        await stranger.send("ping", 9)
        expect_equal((await stranger.next("pong"))["id"], 9, "pong")
        await stranger.close()

    with step("a graceful stop: 1001 to all, and the end with status 0"):
        several = await asyncio.gather(*(server.member(f"user {i}") for i in range(10)))
        half = await asyncio.open_connection("127.0.0.1", server.port)  # and one that has not asked for anything
        server.stop()
        expect_equal(await asyncio.gather(*(code_of_end(each.ws) for each in (ann, *several))), [1001] * 11, "codes")
        await server.end()
        half[1].close()


async def slows_floods():
    server = await Server.serve(PROGRAM, "--messages-per-second", "50", "--message-burst", "5")
    ann = await server.member("ann")
    with step("messages that come too fast are read as fast as they may come, and none is lost"):
        bob = await raw_upgrade(server, "bob")
        start = time.monotonic()
        texts = [f"{i}" for i in range(30)]
        # In one piece: what is not handled yet has to be kept while others are served.
        await asyncio.get_running_loop().sock_sendall(bob, b"".join((
            frame(envelope("join", 0, room="hall", sender="bob's own client", after=None)),
            *(frame(envelope("say", seq, text=text)) for seq, text in enumerate(texts, 1)))))
        heard = []
        while len(heard) < 15:
            heard += await ann.texts(1)
        meanwhile = "meanwhile".ljust(3500, ".")  # longer than all of bob's
        await ann.say(meanwhile)
        heard += await ann.texts(16)
        expect_equal([each for each in heard if each != meanwhile], texts, "texts")
        expect_equal(heard.index(meanwhile) < 25, True, "ann waits for bob")
        # 31 with the join, 5 at once, and one each 20 ms from then on.
        expect_equal(time.monotonic() - start > 0.45, True, "time")
        bob.close()
    await ann.close()
    await server.stop_and_end()


async def rests_without_hanging_on():
    server = await Server.serve(PROGRAM, "--bytes-per-second", "100", "--byte-burst", "100", "--patience", "60000")
    loop = asyncio.get_running_loop()

    async def rest():
        """A connection that is not read for about half a minute."""
        bob = await raw_upgrade(server, "bob")
        await loop.sock_sendall(bob, frame(envelope("ping", 1, padding="x" * 3000)))
        expect_equal(b'"pong"' in await loop.sock_recv(bob, 65536), True, "pong")
        return bob

    with step("a connection that breaks while it is not read is given up at once"):
        bob = await rest()
        bob.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # the end is a reset
        bob.close()
        await asyncio.wait_for(wait_for(lambda: any(e["event"] == "disconnected" for e in server.events())), 10)

    with step("one that is not read is when the server stops: its answer to the goodbye ends it"):
        bob = await rest()
        server.stop()
        expect_equal((await loop.sock_recv(bob, 65536))[2:4], b"\x03\xe9", "code")
        await loop.sock_sendall(bob, b"\x88\x82" + bytes(4) + b"\x03\xe9")
        await read_to_end(bob)
        await server.end()
        expect_equal([e["event"] for e in server.events()][-2:], ["disconnected", "stopped"], "log")


async def refuses_floods():
    server = await Server.serve(PROGRAM, "--messages-per-second", "20", "--message-burst", "20", "--patience", "0")
    ann = await server.member("ann")
    with step("a flood: 1008, of messages and of pings"):
        for flood in (envelope("ping", 1), None):
            bob = await server.member("bob")
            pongs = []
            with contextlib.suppress(websockets.ConnectionClosed):
                for _ in range(50):
                    if flood:
                        await bob.ws.send(flood)
                    else:
                        pongs.append(await bob.ws.ping())
            expect_equal(await code_of_end(bob.ws), 1008, "code")
            await asyncio.gather(*pongs, return_exceptions=True)
            await ann.say_and_see("quiet here")
    await ann.close()
    await server.stop_and_end()


async def limits_connections():
    server = await Server.serve(PROGRAM, "--connections-per-key", "3", "--max-connections", "5")
    ann = await server.member("ann")
    with step("one address, or one user, with too many connections: 429; all together: 503; until one leaves"):
        others = [await server.connect(f"user {i}") for i in range(2)]
        status, headers = await refused(server.connect("bob"))
        expect_equal((status, int(headers["Retry-After"]) > 0), (429, True), "address")
        await ann.say_and_see("not so many of you")

        await others.pop().close()
        await wait_for(lambda: sum(e["event"] == "disconnected" for e in server.events()) == 1)
        others.append(await server.connect("bob"))

        away = {"local_addr": ("127.0.0.2", 0)}
        others += [await server.connect("eve", **away) for _ in range(2)]
        status, headers = await refused(server.connect("eve", **away))
        expect_equal((status, int(headers["Retry-After"]) > 0), (503, True), "all")
        await ann.say_and_see("full house")
        await asyncio.gather(*(each.close() for each in others))
    await ann.close()
    await server.stop_and_end()

    server = await Server.serve(PROGRAM, "--connections-per-key", "2", "--attempts-per-key", "1000")
    ann = await server.member("ann")
    with step("one user from several addresses: 429"):
        others = [await server.connect("bob", local_addr=(f"127.0.0.{i}", 0)) for i in (2, 3)]
        status, headers = await refused(server.connect("bob", local_addr=("127.0.0.4", 0)))
        expect_equal((status, int(headers["Retry-After"]) > 0), (429, True), "user")
        await ann.say_and_see("one of you is enough")
        await asyncio.gather(*(each.close() for each in others))
    await ann.close()
    await server.stop_and_end()

    server = await Server.serve(PROGRAM, "--attempts-per-key", "3", "--attempts-window", "3600000")
    ann = await server.member("ann")
    with step("too many attempts, those with bad tokens among them: 429, and when the next one is let in"):
        for expected in (401, 401, 429):
            status, headers = await refused(server.connect(headers={}))
            expect_equal(status, expected, "attempt")
        expect_equal(1190 <= int(headers["Retry-After"]) <= 1200, True, f"Retry-After {headers['Retry-After']}")
        await ann.say_and_see("patience")
    await ann.close()
    await server.stop_and_end()


async def leaves_room_for_others():
    server = await Server.serve(PROGRAM, "--max-connections", "5", "--connections-per-key", "3")
    ann = await server.member("ann")
    with step("an address that opens all the connections it can, and is silent, keeps nobody out"):
        away = {"local_addr": ("127.0.0.2", 0)}
        silent = [await asyncio.open_connection("127.0.0.1", server.port, **away) for _ in range(300)]
        bob = await asyncio.wait_for(server.connect("bob", local_addr=("127.0.0.3", 0)), 5)
        await ann.say_and_see("not so silent")
        await bob.close()
        for _, writer in silent:
            writer.close()
        # And it may come itself when it has let go of them.
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                eve = await server.connect("eve", **away)
                break
        await eve.close()
    await ann.close()
    await server.stop_and_end()


async def wait_for(condition):
    """Waits until something is so; the test's own limit is the end of it."""
    while not condition():
        await asyncio.sleep(0.005)


async def drops_the_silent():
    server = await Server.serve(PROGRAM, "--ping-after", "100", "--pong-within", "100", "--open-within", "300")
    ann = await server.member("ann")
    with step("a silent client is pinged and dropped; one that answers stays"):
        silent = await raw_upgrade(server, "bob")
        data = await read_to_end(silent)
        expect_equal(data, b"\x89\x00", "a ping, and no more")
        await ann.say_and_see("I answer pings")
        dropped = [each["why"] for each in server.events() if each["event"] == "dropped"]
        expect_equal(dropped, ["the peer is silent and does not answer a ping"], "log")

    with step("a request that does not come, or not whole, ends with the time for it"):
        for start in ("", "GET /chat HTTP/1.1\r\n", "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nname"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(start.encode())
            expect_equal(await reader.read(), b"", start)
            writer.close()
        await ann.say_and_see("I am not late")
    await ann.close()
    await server.stop_and_end()


async def leaves_the_slow_behind():
    server = await Server.serve(PROGRAM, "--live-messages", "50", "--close-within", "300", "--message-burst", "10000",
                                "--messages-per-second", "100000", "--byte-burst", "1000000000",
                                "--bytes-per-second", "1000000000")
    ann = await server.member("ann", sender="ann's own client")
    with step("a member that does not read holds up nobody, and is told to come back"):
        slow = await raw_upgrade(server, "bob", receive_buffer=4096)
        await asyncio.get_running_loop().sock_sendall(
            slow, frame(envelope("join", 1, room="hall", sender="bob's own client", after=None)))
        expect_equal((await ann.next("presence"))["payload"]["members"], ["ann", "bob"], "members")
        said = 0
        while ann.names != ["ann"]:
            await ann.say_and_see(f"{said} ".ljust(4000, "x"))
            said += 1
            expect_equal(said < 5000, True, "it takes for ever")

    with step("when it comes back, it is sent what it has missed, and in order"):
        data = await read_to_end(slow)
        seen = data.count(b'"type":"message"')
        expect_equal(0 < seen < said, True, f"{seen} of {said}")
        bob = await server.member("bob", after="0-1")
        expect_equal(bob.joined["payload"]["complete"], False, "complete")
        texts = await bob.texts(said)
        expect_equal([int(each.split()[0]) for each in texts], list(range(said)), "texts")
        await ann.say_and_see("and on it goes")
        expect_equal(await bob.texts(1), ["and on it goes"], "live")
        await bob.close()
    await ann.close()
    await server.stop_and_end()


async def gives_everyone_a_turn():
    server = await Server.serve(PROGRAM, "--message-burst", "100000", "--byte-burst", "1000000000")
    ann = await server.member("ann")
    loop = asyncio.get_running_loop()
    said = 2500  # 10 MB, far more than the system's buffers hold
    for i in range(said):
        await ann.say(f"{i} ".ljust(4000, "x"))
    for _ in range(said):
        await ann.next("accepted")
    await ann.join("cellar", id=2)  # where nothing is said
    catch_up = frame(envelope("join", 1, room="hall", sender="bob's own client", after="0-1"))

    with step("one that catches up is read meanwhile"):
        bob = await raw_upgrade(server, "bob", receive_buffer=4096)
        await loop.sock_sendall(bob, catch_up)
        heard = 0
        tail = b""
        while b'"pong"' not in tail:
            if heard <= 4000 * 10 < heard + len(tail):
                await loop.sock_sendall(bob, frame(envelope("ping", 2)))
            heard += len(tail)
            tail = tail[-10:] + await asyncio.wait_for(loop.sock_recv(bob, 4096), 20)
        expect_equal(heard < 4000 * said, True, "it is answered before all of the history was sent")
        bob.close()

    with step("and the others have their turns"):
        bob = await raw_upgrade(server, "bob")
        bob.setblocking(True)

        def read_all():
            """In a thread of its own, as fast as it comes."""
            bob.sendall(catch_up)
            left = 4000 * said
            while left > 0:
                left -= len(bob.recv(1 << 20))

        reading = loop.run_in_executor(None, read_all)
        turns = 0
        while not reading.done():
            await ann.send("ping", 3)
            await ann.next("pong")
            turns += 1
        expect_equal(turns >= 8, True, f"{turns} turns")
        bob.close()
    await ann.close()
    await server.stop_and_end()


async def logs_without_waiting():
    server = await Server.serve(PROGRAM, "--message-burst", "100000", "--byte-burst", "1000000000")
    ann = await server.member("ann")
    with step("a log that nobody reads holds up nobody, and says later what it has left out"):
        server.reader.cancel()
        for i in range(3000):  # each is two lines, and a pipe takes 64 KiB
            await ann.join(f"room {i}")
        server.reader = asyncio.create_task(server.read_log())
        i = 0
        while not any("left_out" in e for e in server.events()):
            await ann.join(f"again {(i := i + 1)}")
        expect_equal([e["left_out"] > 100 for e in server.events() if "left_out" in e][0], True, "left out")
    await ann.close()
    await server.stop_and_end()


async def test():
    await refuses_upgrades()
    await ends_connections()
    await slows_floods()
    await rests_without_hanging_on()
    await refuses_floods()
    await limits_connections()
    await leaves_room_for_others()
    await drops_the_silent()
    await leaves_the_slow_behind()
    await gives_everyone_a_turn()
    await logs_without_waiting()


run(test)
