"""TLS: the two echo programs with each other, and with Python's ssl and its package websockets.

    tls.py ECHO_SERVER ECHO_CLIENT
"""

import asyncio
import base64
import contextlib
import hashlib
import pathlib
import random
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings

from support import MIB, Program, expect_equal, pattern, run, step, websockets

SERVER, CLIENT = sys.argv[1:3]
BIG = 5 * MIB  # many times what the programs and the sockets hold
MESSAGES = ["hello 🙂", "", "🙂" * 100_000, b"", pattern(65536), pattern(BIG)]
UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
NO_CLOSE_NOTIFY = "TLS: the connection was cut: there was no close_notify\n"

folder = tempfile.TemporaryDirectory()
subprocess.run([pathlib.Path(__file__).with_name("certificates.sh"), folder.name], check=True)


def pem(name):
    return str(pathlib.Path(folder.name, name))


CA = ("--ca", pem("ca.pem"))


class Server:
    """echo_server_epoll with TLS; it must end by itself when it is asked to, and without a word."""

    stopping = False

    def __init__(self, *options, certificate="good"):
        self.command = (SERVER, "--port", "0", "--tls", pem(f"{certificate}.pem"), pem(f"{certificate}.key"), *options)

    async def __aenter__(self):
        self.program = await Program.start(*self.command)
        line = (await self.program.process.stdout.readline()).decode()
        found = re.fullmatch(r"listening on (wss://127\.0\.0\.1:(\d+)/)\n", line)
        if not found:
            raise AssertionError(f"it said: {line!r}, {await self.program.end()}")
        self.url, self.port = found[1], int(found[2])
        self.name_url = self.url.replace("127.0.0.1", "localhost")
        return self

    def stop(self):
        self.stopping = True
        self.program.stop()

    async def __aexit__(self, kind, *_):
        if kind is None:
            if not self.stopping:
                self.stop()
            expect_equal(await self.program.end(), (0, "", ""), "server")


async def client(url, *options):
    """Gives the exit status of echo_client_posix, and what it has printed."""
    return await (await Program.start(CLIENT, url, *options)).end()


def client_context(*protocols, version=None):
    context = ssl.create_default_context(cafile=pem("ca.pem"))
    if protocols:
        context.set_alpn_protocols(protocols)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def strict(context):
    """The same, but an end without close_notify is an error, which Python lets pass by default."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


def old_context():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, as it should be
        context = client_context(version=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")  # or it would not even ask
    return context


def server_context(*protocols, certificate="good"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem(f"{certificate}.pem"), pem(f"{certificate}.key"))
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def connect(url, context=None, **options):
    return websockets.connect(url, ssl=context or client_context("http/1.1"), max_size=None, **options)


def protocol_of(ws):
    return ws.transport.get_extra_info("ssl_object").selected_alpn_protocol()


async def round_trip(ws, message):
    await ws.send(message)
    expect_equal(await ws.recv(), message, "echo")


class Relay:
    """Passes bytes on between a client and a server, in pieces that know nothing of records."""

    def __init__(self, port, sizes):
        self.port, self.sizes = port, sizes

    async def __aenter__(self):
        self.passing = []
        self.server = await asyncio.start_server(self.meet, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"wss://localhost:{port}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.passing:
            task.cancel()
        await asyncio.gather(*self.passing, return_exceptions=True)

    async def meet(self, reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.passing += [asyncio.create_task(self.copy(reader, server_writer)),
                         asyncio.create_task(self.copy(server_reader, writer))]

    async def copy(self, reader, writer):
        with contextlib.closing(writer):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := await reader.read(65536):
                while data:
                    size = self.sizes()
                    writer.write(data[:size])
                    data = data[size:]
                    await writer.drain()
                    await asyncio.sleep(0)


class Meeting:
    """A server of websockets with TLS that has one conversation with echo_client_posix."""

    def __init__(self, talk, *client_options, context=None, relay=None):
        self.talk, self.client_options, self.relay = talk, client_options, relay
        self.context = context or server_context("http/1.1")

    async def serve(self, ws, _path=None):
        try:
            await self.talk(ws)
            self.told.set_result(None)
        except BaseException as problem:
            self.told.set_exception(problem)

    async def end(self):
        self.told = asyncio.get_running_loop().create_future()
        async with websockets.serve(self.serve, "127.0.0.1", 0, ssl=self.context, max_size=None,
                                    compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            async with Relay(port, self.relay) if self.relay else contextlib.nullcontext() as relay:
                url = relay.url if relay else f"wss://localhost:{port}/"
                end = asyncio.create_task(client(url, *CA, *self.client_options))
                await asyncio.wait((self.told, end), return_when=asyncio.FIRST_COMPLETED)
                try:
                    await asyncio.wait_for(self.told, 5)
                except asyncio.TimeoutError:
                    raise AssertionError(f"the client has ended in mid-talk: {await end}") from None
                return await end


async def meet_raw(talk, *options, host="localhost", context=None):
    """Runs a server that has TLS by Python's ssl, and the rest from `talk(socket)`; gives what became of the client."""

    def serve():
        accepted = listener.accept()[0]
        accepted.settimeout(20)
        with strict(context or server_context()).wrap_socket(accepted, server_side=True, suppress_ragged_eofs=False) as tls:
            talk(tls)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        serving = asyncio.create_task(asyncio.to_thread(serve))
        end = await client(f"wss://{host}:{listener.getsockname()[1]}/", *CA, *options)
        await serving
        return end


def raw_connection(port, context):
    plain = socket.create_connection(("127.0.0.1", port), 20)
    try:
        return strict(context).wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
    except BaseException:
        plain.close()
        raise


def read_head(tls):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = tls.recv(1)
        if not more:
            raise AssertionError(f"it ended behind {head!r}")
        head += more
    return head


async def our_own():
    with step("round trip by name and by address, with and without compression"):
        for server_options in ((), ("--deflate",), ("--deflate", "--no-context-takeover")):
            async with Server(*server_options) as server:
                text = "hello 🙂 " * 20
                for url in (server.url, server.name_url):
                    expect_equal(await client(url, "--message", text, *CA),
                                 (0, f"received {text}\nclosed 1000\n", ""), "client")
                    agreed = "agreed" if server_options else "not agreed"
                    expect_equal(await client(url, "--message", text, "--deflate", *CA),
                                 (0, f"compression {agreed}\nreceived {text}\nclosed 1000\n", ""), "client")

    with step("a client refuses what does not prove who answers, and says why"):
        refused = "TLS: the server's certificate is refused: "
        for certificate, by_name, by_address in (
                ("other_host", "hostname mismatch", "ip address mismatch"),
                ("expired", "certificate has expired", "certificate has expired"),
                ("stranger", "unable to get local issuer certificate", "unable to get local issuer certificate"),
                ("self_signed", "self.signed certificate", "self.signed certificate")):
            async with Server(certificate=certificate) as server:
                for url, why in ((server.name_url, by_name), (server.url, by_address)):
                    status, output, errors = await client(url, "--message", "secret", *CA)
                    expect_equal((status, output), (1, ""), certificate)
                    if not re.fullmatch(f"{refused}{why}\n", errors, re.IGNORECASE):
                        raise AssertionError(f"{certificate}: {errors!r}")
        async with Server() as server:  # which the system does not know
            expect_equal((await client(server.name_url, "--message", "secret"))[:2], (1, ""), "without --ca")

    with step("files that are no use are named at the start"):
        status, _, errors = await (await Program.start(SERVER, "--tls", pem("none.pem"), pem("good.key"))).end()
        expect_equal((status, pem("none.pem") in errors, "No such file" in errors), (2, True, True), errors)
        status, _, errors = await (await Program.start(SERVER, "--tls", pem("good.pem"), pem("expired.key"))).end()
        expect_equal((status, "key values mismatch" in errors), (2, True), errors)
        status, _, errors = await client("wss://localhost:1/", "--ca", pem("none.pem"))
        expect_equal((status, pem("none.pem") in errors), (2, True), errors)

    with step("TLS on one side only: an error on that side, and the server goes on"):
        async with Server() as server:
            expect_equal((await client(server.url.replace("wss:", "ws:"), "--message", "hi"))[:2], (1, ""), "client")
            expect_equal((await client(server.url, "--message", "hi", *CA))[0], 0, "next client")
        plain = await Program.start(SERVER, "--port", "0")
        url = await plain.url()
        status, output, errors = await client(url.replace("ws:", "wss:"), "--message", "hi", *CA)
        expect_equal((status, output, errors.startswith("TLS: ")), (1, "", True), errors)
        plain.stop()
        expect_equal(await plain.end(), (0, "", ""), "server")


async def our_server():
    with step("client websockets, TLS 1.2 and 1.3: http/1.1 agreed, messages of all sizes"):
        for version, *options in ((ssl.TLSVersion.TLSv1_2,), (ssl.TLSVersion.TLSv1_3,),
                                  (ssl.TLSVersion.TLSv1_3, "--deflate")):
            async with Server("--max-message", str(2 * BIG), *options) as server:
                async with connect(server.name_url, client_context("h2", "http/1.1", version=version)) as ws:
                    expect_equal(protocol_of(ws), "http/1.1", "protocol")
                    expect_equal(len(ws.extensions), len(options), "extensions")
                    for message in MESSAGES:
                        await round_trip(ws, message)
                expect_equal(ws.close_code, 1000, "code")

    with step("no protocol offered: let in; only another one: no_application_protocol; TLS 1.1: refused"):
        async with Server() as server:
            async with connect(server.url, client_context()) as ws:
                expect_equal(protocol_of(ws), None, "protocol")
                await round_trip(ws, "hello")
            for context, alert in ((client_context("h2"), "alert no application protocol"),
                                   (old_context(), "alert protocol version")):
                try:
                    raw_connection(server.port, context).close()
                except ssl.SSLError as problem:
                    expect_equal(alert in str(problem), True, str(problem))
                else:
                    raise AssertionError(f"let in instead of {alert}")

    with step("100 connections at once, all closed with 1001 when the server stops"):
        async with Server() as server:
            several = await asyncio.gather(*(connect(server.url) for _ in range(100)))
            await asyncio.gather(*(round_trip(ws, f"connection {i}") for i, ws in enumerate(several)))
            server.stop()
            await asyncio.gather(*(ws.wait_closed() for ws in several))
            expect_equal([ws.close_code for ws in several], [1001] * len(several), "codes")

    with step("the end: a Close frame, close_notify, and the end of the socket, in this order"):

        def talk(port):
            with raw_connection(port, client_context()) as tls:
                tls.sendall(UPGRADE)
                read_head(tls)
                tls.sendall(bytes([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]))
                expect_equal(tls.recv(4), b"\x88\x02\x03\xe8", "Close")
                expect_equal(tls.recv(1), b"", "behind it")  # it would raise without a close_notify
                with tls.unwrap() as rest:
                    expect_equal(rest.recv(1), b"", "behind close_notify")
                    # The client's own close_notify was not answered with a reset.
                    expect_equal(rest.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "error")

        async with Server() as server:
            for _ in range(20):
                await asyncio.to_thread(talk, server.port)

    with step("close_notify alone is answered with the same, and the end of the socket"):

        def talk(port):
            with raw_connection(port, client_context()) as tls:
                tls.sendall(UPGRADE)
                read_head(tls)
                with tls.unwrap() as rest:  # only this direction has ended; the socket is open still
                    expect_equal(rest.recv(1), b"", "behind close_notify")

        async with Server() as server:
            await asyncio.to_thread(talk, server.port)

    with step("a refused upgrade is answered in full before the end"):

        def talk(port):
            with raw_connection(port, client_context()) as tls:
                tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = b""
                while more := tls.recv(4096):
                    answer += more
                head, _, body = answer.partition(b"\r\n\r\n")
                expect_equal(head[:13], b"HTTP/1.1 400 ", "status")
                expect_equal(len(body), int(re.search(rb"Content-Length: (\d+)", head)[1]), "body")

        async with Server() as server:
            await asyncio.to_thread(talk, server.port)

    with step("clients that are cut off make room for the next: in the handshake, and after it"):

        def cut(port, sent):
            with socket.create_connection(("127.0.0.1", port), 20) as plain:
                plain.sendall(sent)

        async with Server("--max-connections", "1") as server:
            hello = client_hello()
            for sent in (b"", hello[:3], hello[:-1], hello, b"GET / HTTP/1.1\r\n\r\n", bytes(100_000)):
                with contextlib.suppress(ConnectionError):
                    await asyncio.to_thread(cut, server.port, sent)
            for _ in range(3):
                ws = await connect(server.url)
                await round_trip(ws, "hello")
                ws.transport.abort()
            async with connect(server.url) as ws:
                await round_trip(ws, "still there")


def upgrade(tls):
    """Lets the client in."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", read_head(tls))[1]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    tls.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def close_frames(tls):
    """The server's Close frame, and the client's in return."""
    tls.sendall(b"\x88\x02\x03\xe8")
    expect_equal(tls.recv(8)[:2], b"\x88\x82", "Close")


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


async def our_client():
    with step("server websockets: http/1.1 agreed, messages of all sizes come back"):
        for protocols in (("h2", "http/1.1"), ()):

            async def talk(ws):
                expect_equal(protocol_of(ws), "http/1.1" if protocols else None, "protocol")
                for message in MESSAGES:
                    await round_trip(ws, message)
                await ws.close(1000, "bye")

            expect_equal(await Meeting(talk, context=server_context(*protocols)).end(),
                         (0, "closed 1000 bye\n", ""), "client")

    with step("many messages at once come back in order"):

        async def talk(ws):
            messages = [pattern(i * 1009 % 90_000) for i in range(200)]
            sending = asyncio.create_task(send_all(ws, messages))
            expect_equal([await ws.recv() for _ in messages] == messages, True, "order")
            await sending
            await ws.close(1000)

        async def send_all(ws, messages):
            for message in messages:
                await ws.send(message)

        expect_equal((await Meeting(talk).end())[0], 0, "client")

    with step("the server learns which name is meant; an address is none"):
        for host, named in (("localhost", "localhost"), ("127.0.0.1", None)):
            names = []
            context = server_context()
            context.sni_callback = lambda _socket, name, _context: names.append(name)

            def talk(tls):
                read_head(tls)
                tls.sendall(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
                tls.unwrap()

            status, output, errors = await meet_raw(talk, host=host, context=context)
            expect_equal((status, output, errors.rstrip()), (1, "", "refused with status 503"), "client")
            expect_equal(names, [named], host)

    with step("close_notify is answered, with and without a Close frame before"):

        def talk(tls):
            upgrade(tls)
            close_frames(tls)
            tls.unwrap()

        expect_equal(await meet_raw(talk), (0, "closed 1000\n", ""), "client")

        def talk(tls):
            upgrade(tls)
            tls.unwrap()

        status, output, errors = await meet_raw(talk)
        expect_equal((status, output, "TLS" in errors), (1, "closed 1006\n", False), errors)

    with step("cut without close_notify: said so, unless both Close frames say that nothing is missing"):

        def cut(tls):
            tls.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):  # the client says goodbye, or not
                while tls.recv(4096):
                    pass

        def talk(tls):
            read_head(tls)
            cut(tls)

        status, output, errors = await meet_raw(talk)
        expect_equal((status, output, errors.endswith("\n" + NO_CLOSE_NOTIFY)), (1, "", True), errors)

        def talk(tls):
            upgrade(tls)
            cut(tls)

        status, output, errors = await meet_raw(talk)
        expect_equal((status, output, errors.endswith("\n" + NO_CLOSE_NOTIFY)), (1, "closed 1006\n", True), errors)

        def talk(tls):
            upgrade(tls)
            close_frames(tls)
            cut(tls)

        expect_equal(await meet_raw(talk), (0, "closed 1000\n", ""), "client")

    with step("cut in the TLS handshake: said so"):

        async def hang_up(reader, writer):
            await reader.read(1)
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            expect_equal(await client(f"wss://localhost:{port}/", *CA),
                         (1, "", "TLS: the connection was cut in mid-handshake\n"), "client")


async def in_pieces():
    sizes = random.Random(1)
    for what, pieces, size in (("bytes one by one", lambda: 1, 2000),
                               ("pieces of all sizes", lambda: sizes.randrange(1, 20_000), MIB)):
        messages = ["hello 🙂", pattern(size), "", pattern(size)[::-1]]

        with step(f"records cut into {what}, on their way to and from the server"):
            async with Server("--deflate") as server, Relay(server.port, pieces) as relay:
                async with connect(relay.url) as ws:
                    for message in messages:
                        await round_trip(ws, message)

        with step(f"records cut into {what}, on their way to and from the client"):

            async def talk(ws):
                for message in messages:
                    await round_trip(ws, message)
                await ws.close(1000)

            expect_equal(await Meeting(talk, relay=pieces).end(), (0, "closed 1000\n", ""), "client")


async def test():
    await our_own()
    await our_server()
    await our_client()
    await in_pieces()


run(test)
