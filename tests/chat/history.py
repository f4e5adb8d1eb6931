"""What chat_server keeps: through pauses, through moves between rooms, and through its own sudden death.

    history.py CHAT_SERVER
"""

import asyncio
import contextlib
import pathlib
import random
import sys
import tempfile

from chat_support import Member, Server, expect_equal, run, step, websockets

PROGRAM = sys.argv[1]
GENEROUS = ("--message-burst", "100000", "--messages-per-second", "100000", "--attempts-per-key", "100000",
            "--connections-per-key", "1000")


class Speaker:
    """A client that resumes: it keeps what was not accepted, and what it has seen last."""

    def __init__(self, name, count):
        self.name = name
        self.sender = f"instance of {name}"
        self.waiting = {seq: f"{name} {seq}" for seq in range(1, count + 1)}
        self.seen = []
        self.last = None
        self.cuts = 0
        self.repeated = 0

    async def run(self, servers, heard_all):
        """Speaks and listens, over as many connections as it takes."""
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException, asyncio.TimeoutError):
                member = Member(await servers[-1].connect(self.name), self.sender)
                await member.join("hall", self.last)
                self.forget(member.joined["payload"]["last_seq"])
                expect_equal(member.joined["payload"]["complete"], True, "complete")
                await self.talk(member, heard_all)
                await member.close()
                return
            self.cuts += 1
            await asyncio.sleep(0.01)  # the server may be away

    def forget(self, last_seq):
        self.waiting = {seq: text for seq, text in self.waiting.items() if seq > last_seq}

    async def talk(self, member, heard_all):
        talking = asyncio.create_task(self.say_all(member))
        try:
            while self.waiting or not heard_all(self):
                envelope = await member.next("message", "accepted")
                if envelope["type"] == "accepted":
                    self.waiting.pop(envelope["id"], None)
                    continue
                said = envelope["payload"]
                at = tuple(map(int, said["at"].split("-")))
                if self.last and at <= tuple(map(int, self.last.split("-"))):
                    self.repeated += 1
                    continue
                self.last = said["at"]
                self.seen.append(said["text"])
        finally:
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await talking

    async def say_all(self, member):
        for seq, text in list(self.waiting.items()):
            await member.say(text, seq)
            await asyncio.sleep(0.001)


async def survives_sudden_deaths():
    with step("killed ten times while five talk: nothing is lost, nothing comes twice, all see one order"):
        count = 100
        chance = random.Random(1)
        with tempfile.TemporaryDirectory() as folder:
            options = ("--journal", str(pathlib.Path(folder) / "journal"), *GENEROUS)
            servers = [await Server.serve(PROGRAM, *options)]
            speakers = [Speaker(f"user{i}", count) for i in range(5)]
            expected = 5 * count
            talking = [asyncio.create_task(each.run(servers, lambda who: len(who.seen) >= expected))
                       for each in speakers]
            for death in range(10):
                # Not at a fixed time, but when so much of the talk is done.
                threshold = expected * (death + chance.random()) / 10
                while len(speakers[0].seen) < threshold and not all(each.done() for each in talking):
                    await asyncio.sleep(0.001)
                old = servers[-1]
                old.kill()
                await old.end(expected=-9)
                servers.append(await Server.serve(PROGRAM, *options, port=old.port, secret=old.secret))
            await asyncio.gather(*talking)
            late = await servers[-1].member("late", after="0-1")
            kept = await late.texts(expected)
            await late.close()
            await servers[-1].stop_and_end()
        for each in speakers:
            expect_equal(len(each.seen), expected, each.name)
            expect_equal(each.seen == kept, True, f"{each.name} has seen what is kept")
            own = [text for text in each.seen if text.startswith(each.name + " ")]
            expect_equal(own, [f"{each.name} {seq}" for seq in range(1, count + 1)], "own messages")
        expect_equal(sum(each.cuts for each in speakers) >= 10, True, "cuts")


async def shows_history():
    server = await Server.serve(PROGRAM, *GENEROUS)
    with step("who comes for the first time sees the last fifty; who comes back, what was missed"):
        ann = await server.member("ann")
        for i in range(60):
            await ann.say(f"{i}")
        messages = [await ann.next("message") for _ in range(60)]
        bob = await server.member("bob")
        expect_equal(await bob.texts(50), [f"{i}" for i in range(10, 60)], "the last fifty")
        await bob.close()
        for i in range(60, 700):
            await ann.say(f"{i}")
        await ann.texts(640)
        bob = await server.member("bob", after=messages[30]["payload"]["at"])
        expect_equal(bob.joined["payload"]["complete"], True, "complete")
        expect_equal(await bob.texts(669), [f"{i}" for i in range(31, 700)], "what was missed")
        await ann.say_and_see("live")
        expect_equal(await bob.texts(1), ["live"], "live")

    with step("a message that is said again is accepted again, and shown to nobody"):
        again = await server.member("ann", sender=ann.sender)
        expect_equal(again.joined["payload"]["last_seq"], 701, "last_seq")
        await again.texts(50)
        await again.say("0", seq=1)
        answer = await again.next("message", "accepted")
        expect_equal((answer["type"], answer["id"]), ("accepted", 1), "answer")
        other = await server.member("eve", sender=ann.sender)
        expect_equal(other.joined["payload"]["last_seq"], 0, "someone else's last_seq")
        await other.close()
        await again.close()

    with step("who joins another room leaves the first, and the names follow"):
        await bob.join("cellar", id=2)
        expect_equal(bob.joined["payload"]["members"], ["bob"], "cellar")
        while (await ann.next("presence"))["payload"]["members"] != ["ann"]:
            pass
        await bob.say_and_see("it is dark here")
        await ann.say_and_see("gone?")
        await bob.join("hall", id=3)
        expect_equal((await bob.texts(50))[-1], "gone?", "hall")
    await ann.close()
    await bob.close()
    await server.stop_and_end()


async def test():
    await shows_history()
    await survives_sudden_deaths()


run(test)
