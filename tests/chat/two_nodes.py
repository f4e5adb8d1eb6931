"""Two chat_server that are one chat through Redis: through the death of either, and of Redis.

    two_nodes.py CHAT_SERVER CHAT_CLIENT
"""

import asyncio
import collections
import contextlib
import json
import secrets
import socket
import sys
import tempfile

from chat_support import Program, Server, expect_equal, run, step

SERVER, CLIENT = sys.argv[1:3]
OPTIONS = ("--message-burst", "1000000", "--messages-per-second", "1000000", "--attempts-per-key", "100000",
           "--connections-per-key", "1000", "--presence-every", "200", "--presence-gone", "2000")
LIMIT = 80  # seconds for anything that is waited for


class Redis(Program):
    """A redis-server that keeps nothing: when it is started again, it is empty."""

    @classmethod
    async def serve(cls, port=0):
        folder = tempfile.TemporaryDirectory()
        for _ in range(20):
            chosen = port or free_port()
            self = await cls.start("redis-server", "--port", str(chosen), "--bind", "127.0.0.1", "--save", "",
                                   "--appendonly", "no", "--dir", folder.name)
            self.folder, self.port = folder, chosen
            async for line in self.process.stdout:
                if b"Ready to accept connections" in line:
                    return self
            await self.end()  # someone else was quicker with the port
        raise AssertionError("redis-server does not start")

    async def size_of_log(self, room):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"XLEN chat:log:{room}\r\n".encode())
        size = await reader.readline()
        writer.close()
        return int(size.removeprefix(b":"))

    async def die(self):
        self.process.kill()
        await self.end()


class Node(Server):
    """A server that can be killed and started again where it was."""

    @classmethod
    async def of(cls, name, redis, secret, port=0):
        self = await cls.serve(SERVER, "--redis", f"127.0.0.1:{redis.port}", "--node", name, *OPTIONS, port=port,
                               secret=secret)
        self.name, self.redis = name, redis
        self.url = f"ws://127.0.0.1:{self.port}/chat"
        return self

    async def die(self):
        self.kill()
        await self.end(-9)

    async def again(self):
        return await Node.of(self.name, self.redis, self.secret, self.port)


class Client(Program):
    """A chat_client that says some lines and hears all that are said."""

    @classmethod
    async def of(cls, user, nodes, until, texts):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            CLIENT, ",".join(node.url for node in nodes), "--room", "hall", "--token", nodes[0].token(user), "--json",
            "--until", str(until), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        cls.running.add(self)
        self.user, self.texts = user, texts
        self.heard, self.told = [], []
        self.in_room = asyncio.Event()
        self.tasks = [asyncio.create_task(self.hear()), asyncio.create_task(self.listen())]
        return self

    async def hear(self):
        async for line in self.process.stdout:
            self.heard.append(json.loads(line))

    async def listen(self):
        async for line in self.process.stderr:
            self.told.append(line.decode())
            if line.startswith(b"in room "):
                self.in_room.set()

    async def talk(self, count):
        """Says the next so many of its lines; with the last one its input ends."""
        said, self.texts = self.texts[:count], self.texts[count:]
        for text in said:
            self.process.stdin.write(f"{text}\n".encode())
            await self.process.stdin.drain()
        if not self.texts:
            self.process.stdin.close()

    async def end(self):
        await asyncio.gather(*self.tasks, self.process.wait())
        self.running.discard(self)
        expect_equal(self.process.returncode, 0, f"exit status of {self.user}, who was told {self.told[-20:]}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(condition, what):
    """Waits for something that no event tells."""
    end = asyncio.get_running_loop().time() + LIMIT
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"not in {LIMIT} s: {what}")
        await asyncio.sleep(0.005)


def numbers_by_sender(messages):
    numbers = collections.defaultdict(list)
    for message in messages:
        numbers[message["from"], message["sender"]].append(message["seq"])
    return dict(numbers)


async def survives_dying_nodes(redis, north, south):
    count, talkers = 2500, ("ann", "ben", "eve", "zoe")
    total = count * len(talkers)
    clients = []
    for i, user in enumerate(talkers):
        nodes = (north, south) if i % 2 == 0 else (south, north)
        clients.append(await Client.of(user, nodes, total, [f"{user} says {n}" for n in range(1, count + 1)]))
    for client in clients:
        await asyncio.wait_for(client.in_room.wait(), LIMIT)
    talking = [asyncio.create_task(client.talk(count * 2 // 3)) for client in clients]
    await until(lambda: len(clients[1].heard) > total // 5, "a fifth heard at the south")
    await north.die()
    north = await north.again()
    await asyncio.wait_for(asyncio.gather(*talking), LIMIT)
    # All that talked in the north have come to the south; some more is said, and it dies.
    talking = [asyncio.create_task(client.talk(count)) for client in clients]
    await until(lambda: min(len(client.heard) for client in clients) > total // 2, "half heard by all")
    await south.die()
    south = await south.again()
    ends = [asyncio.create_task(client.end()) for client in clients]
    _, late = await asyncio.wait([*talking, *ends], timeout=LIMIT)
    if late:
        raise AssertionError("heard only " + ", ".join(f"{len(client.heard)} by {client.user}" for client in clients))
    await asyncio.gather(*talking, *ends)

    expect_equal(await redis.size_of_log("hall"), total, "messages stored")
    order = [message["at"] for message in clients[0].heard]
    for client in clients:
        expect_equal(len(client.heard), total, f"messages heard by {client.user}")
        for (user, _), numbers in numbers_by_sender(client.heard).items():
            expect_equal(numbers, list(range(1, count + 1)), f"{user} as heard by {client.user}")
        expect_equal([message["at"] for message in client.heard], order, f"the order heard by {client.user}")
        for message in client.heard:
            expect_equal(message["text"], f"{message['from']} says {message['seq']}", "text")
    cuts = sum(sum("the next try is in" in line for line in client.told) for client in clients)
    print(f"    {total} messages, {len(clients)} clients, {cuts} cuts", flush=True)
    expect_equal(cuts >= 4, True, "there were enough cuts")
    return north, south


async def members_become(member, names):
    while (envelope := await member.next("presence"))["payload"]["members"] != names:
        pass
    return envelope


async def shows_who_is_there(north, south):
    ann, ben = await north.member("ann"), await south.member("ben")
    await members_become(ann, ["ann", "ben"])
    eve = await south.member("eve")
    await members_become(ann, ["ann", "ben", "eve"])
    await eve.close()
    await members_become(ann, ["ann", "ben"])
    await south.die()
    await members_become(ann, ["ann"])
    south = await south.again()
    ben = await south.member("ben")
    await members_become(ann, ["ann", "ben"])
    await ann.close()
    await ben.close()
    return south


async def texts_until(member, last):
    """All that is said up to one text: what is provisional, and what is stored."""
    provisional, stored = [], []
    while last not in stored:
        said = (await member.next("message"))["payload"]
        (stored if said["at"] else provisional).append(said["text"])
    return provisional, stored


async def survives_a_dying_redis(redis, north, south):
    count = 20
    members = {"ann": await north.member("ann", "attic"), "ben": await north.member("ben", "attic"),
               "eve": await south.member("eve", "attic")}
    for member in members.values():
        expect_equal(member.joined["payload"]["state"], "together", "state")
        for n in range(count):
            await member.say(f"before {n}")
    await asyncio.gather(*(member.texts(3 * count) for member in members.values()))

    await redis.die()
    for member in members.values():
        expect_equal((await member.next("notice"))["payload"]["state"], "alone", "state")
    for user in ("ann", "eve"):
        for n in range(count):
            await members[user].say(f"{user} alone {n}")
    # Those on the same node see it at once; nobody else does, and nobody is told that it is safe.
    own = {user: [f"{user} alone {n}" for n in range(count)] for user in ("ann", "eve")}
    for user, whom in (("ann", "ann"), ("ben", "ann"), ("eve", "eve")):
        for text in own[whom]:
            envelope = await members[user].next("message", "accepted")
            expect_equal((envelope["type"], envelope["payload"].get("text"), envelope["payload"]["at"]),
                         ("message", text, None), f"what {user} sees")
    late = await north.member("joe", "attic")  # and is shown what this node remembers
    expect_equal(late.joined["payload"]["state"], "alone", "state")

    redis = await Redis.serve(redis.port)
    heard = {}
    for user, member in (*members.items(), ("joe", late)):
        heard[user] = []
        together = False
        while len(heard[user]) < 2 * count or not together:
            envelope = await member.next("message", "notice")
            if envelope["type"] == "notice":
                expect_equal(envelope["payload"]["state"], "together", "state")
                together = True
            elif envelope["payload"]["at"] and not envelope["payload"]["text"].startswith("before"):
                heard[user].append(envelope["payload"]["text"])
        expect_equal(heard[user], heard["ann"], f"the order seen by {user}")
        for whom in own:
            expect_equal([text for text in heard[user] if text.startswith(whom)], own[whom], f"{whom} seen by {user}")

    # And it goes on; one who comes now finds all that this Redis knows.
    await members["ben"].say("after")
    for user, member in (*members.items(), ("joe", late)):
        expect_equal((await texts_until(member, "after"))[1], ["after"], f"what {user} sees")
    new = await south.member("kim", "attic")
    expect_equal((await texts_until(new, "after"))[1], [*heard["ann"], "after"], "history")
    for member in (*members.values(), late, new):
        await member.close()
    return redis


async def test():
    redis = await Redis.serve()
    secret = secrets.token_bytes(32)
    north, south = await Node.of("north", redis, secret), await Node.of("south", redis, secret)
    with step("who is there: over both nodes, until one dies"):
        south = await shows_who_is_there(north, south)
    with step("both nodes die and come back while four talk: nothing lost, nothing twice, one order for all"):
        north, south = await survives_dying_nodes(redis, north, south)
    with step("Redis dies and comes back empty: each node goes on alone, then all is told to all"):
        redis = await survives_a_dying_redis(redis, north, south)
    await north.stop_and_end()
    await south.stop_and_end()
    with contextlib.suppress(ProcessLookupError):
        await redis.die()


run(test, 110)
