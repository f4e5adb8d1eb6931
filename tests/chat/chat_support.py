"""What the tests of the chat share: servers, tokens, and members that speak its envelopes."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import pathlib
import re
import secrets
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from support import Program, expect_equal, run, step, websockets  # noqa: E402, F401

SUBPROTOCOL = "sansocket.chat.1"


class Server(Program):
    """A chat_server, with the secret that its tokens are signed with."""

    @classmethod
    async def serve(cls, program, *options, port=0, secret=None, runner=()):
        secret = secret or secrets.token_bytes(32)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(secret)
        self = await cls.start(*runner, program, "--port", str(port), "--secret-file", file.name, *options)
        self.secret = secret
        line = (await self.process.stdout.readline()).decode()
        pathlib.Path(file.name).unlink()
        found = re.fullmatch(r"chat: http://127\.0\.0\.1:(\d+)/\n", line)
        if not found:
            raise AssertionError(f"it said: {line!r} {(await self.process.stderr.read()).decode()}")
        self.port = int(found[1])
        self.log = []  # what it has said on stderr
        self.reader = asyncio.create_task(self.read_log())
        return self

    async def read_log(self):
        async for line in self.process.stderr:
            self.log.append(line.decode())

    def token(self, user, lifetime=3600):
        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        text = f"{encode(user.encode())}.{int(time.time()) + lifetime}"
        return f"{text}.{encode(hmac.digest(self.secret, text.encode(), hashlib.sha256))}"

    def connect(self, user="ann", headers=None, **options):
        """Opens a WebSocket; `headers` take the place of the user's token."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if headers is None else headers
        # Without a bound to its queue, a client that has not looked at all that came still sees the Close.
        options = {"max_size": None, "max_queue": None, "ping_interval": None, "subprotocols": [SUBPROTOCOL], **options}
        return websockets.connect(f"ws://127.0.0.1:{self.port}/chat", extra_headers=headers, **options)

    async def member(self, user="ann", room="hall", after=None, sender=None, **options):
        """Opens a WebSocket and joins a room."""
        member = Member(await self.connect(user, **options), sender)
        await member.join(room, after)
        return member

    async def request(self, text):
        """Sends one request; gives the status, the fields (names in small letters) and the body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text.encode())
        answer = (await reader.read()).decode()
        writer.close()
        head, _, body = answer.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), fields, body

    async def end(self, expected=0):
        """Waits for the end of the process."""
        await self.process.wait()
        await self.reader
        self.running.discard(self)
        # What a sanitizer found is on stderr, between the lines of the log.
        expect_equal([line for line in self.log if not line.startswith("{")], [], "stderr")
        expect_equal(self.process.returncode, expected, "exit status")

    async def stop_and_end(self):
        self.stop()
        await self.end()

    def kill(self):
        self.process.kill()

    def events(self):
        """What the log has said, as objects."""
        return [json.loads(line) for line in self.log if line.startswith("{")]


class Member:
    """Someone in a room."""

    def __init__(self, ws, sender=None):
        self.ws = ws
        self.sender = sender or secrets.token_hex(8)
        self.seq = itertools.count(1)
        self.names = None  # who is in the room, as far as it was told

    async def send(self, type, id, **payload):
        await self.ws.send(json.dumps({"type": type, "id": id, "payload": payload}))

    async def join(self, room, after=None, id=0):
        await self.send("join", id, room=room, sender=self.sender, after=after)
        self.joined = await self.next("joined")

    async def say(self, text, seq=None):
        """Gives the number that it was said with."""
        seq = next(self.seq) if seq is None else seq
        await self.send("say", seq, text=text)
        return seq

    async def next(self, *types):
        """The next envelope of one of these types; others are passed over."""
        while True:
            envelope = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
            self.names = envelope["payload"].get("members", self.names)
            if envelope["type"] in types:
                return envelope

    async def texts(self, count):
        """What is said in the next so many messages."""
        return [(await self.next("message"))["payload"]["text"] for _ in range(count)]

    async def say_and_see(self, text):
        """Says something, and waits until it was stored and came back."""
        seq = await self.say(text)
        seen = {(await self.next("message", "accepted"))["type"] for _ in range(2)}
        expect_equal(seen, {"message", "accepted"}, "answers")
        return seq

    async def close(self):
        await self.ws.close()


async def code_of_end(ws):
    """The code of the Close that ends a connection, whatever comes before."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await asyncio.wait_for(ws.recv(), 20)
    return ws.close_code


async def refused(connecting):
    """The status, the fields and the body of the refusal that an attempt to connect gets."""
    try:
        ws = await connecting
    except websockets.InvalidStatusCode as refusal:
        return refusal.status_code, refusal.headers
    await ws.close()
    raise AssertionError("it was let in")
