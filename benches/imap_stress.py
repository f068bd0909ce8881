#!/usr/bin/env python3
"""Many IMAP clients at once, two to a mailbox, each with a seeded mix of commands; one JSON line with what it cost the server.

    benches/imap_stress.py --host H --imap-port P --server-pid PID [--conc 50] [--count 200] [--users 25] [--seed 1]

The mix is what a phone and a desktop do all day: every tenth command or so looks at all flags, appends, or selects again, the rest
read a few messages, mark one, search for what is unseen, ask for the status of another mailbox, or nothing.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import time

HEADERS = "UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE"
# What is asked, and how often in a hundred.
MIX = [("flags", 10), ("headers", 20), ("body", 20), ("store", 15), ("append", 10), ("expunge", 5), ("search", 6), ("status", 5), ("select", 3), ("noop", 6)]


class Client:
    def __init__(self, options, number):
        self.options = options
        self.user = f"u{options.first_user + number % options.users}@example.test"
        self.random = random.Random(options.seed * 1000 + number)
        self.exists = 0
        self.refused = 0
        self.latencies = []
        self.tag = 0

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(self.options.host, self.options.imap_port, limit=1 << 24)
        await self.reader.readline()
        await self.ask(f'LOGIN {self.user} {self.options.password}'.encode())
        await self.ask(b"SELECT INBOX")

    async def ask(self, command):
        """Sends a command and reads its answer to the end."""
        self.tag += 1
        tag = b"a%d " % self.tag
        self.writer.write(tag + command + b"\r\n")
        await self.writer.drain()
        while True:
            line = await self.reader.readline()
            if not line:
                raise ConnectionError(f"{self.user}: the server has gone")
            if line.startswith(tag):
                self.refused += not line[len(tag):].startswith(b"OK")
                return
            words = line.split(b" ", 3)
            if len(words) >= 3 and words[1].isdigit():
                if words[2].strip() == b"EXISTS":
                    self.exists = int(words[1])
                elif words[2].strip() == b"EXPUNGE":
                    self.exists -= 1
            while line.endswith(b"}\r\n") and (start := line.rfind(b"{")) >= 0:
                await self.reader.readexactly(int(line[start + 1:-3].rstrip(b"+")))
                line = await self.reader.readline()

    def message(self):
        size = self.random.choice([800, 2_000, 3_000, 8_000, 30_000])
        words = " ".join(self.random.choice(["mail", "server", "meeting", "lunch", "invoice", "report", "Friday"]) for _ in range(size // 7))
        body = "\r\n".join(words[at:at + 72] for at in range(0, len(words), 72))
        return (f"From: Anna <anna@example.test>\r\nTo: {self.user}\r\nSubject: number {self.random.randrange(10**9)}\r\n"
                f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{self.random.randrange(10**12)}@example.test>\r\n\r\n{body}\r\n").encode()

    def command(self):
        what = self.random.choices([name for name, _ in MIX], [weight for _, weight in MIX])[0]
        one = self.random.randint(1, max(1, self.exists))
        few = f"{one}:{min(max(1, self.exists), one + 9)}"
        flag = self.random.choice(["+FLAGS (\\Seen)", "-FLAGS (\\Seen)", "+FLAGS (\\Flagged)", "-FLAGS (\\Answered)"])
        if what == "append" or self.exists < 10:
            text = self.message()
            return b"APPEND INBOX {%d+}\r\n" % len(text) + text
        return {
            "flags": "UID FETCH 1:* (FLAGS)",
            "headers": f"FETCH {few} ({HEADERS})",
            "body": f"FETCH {one} (UID BODY.PEEK[])",
            "store": f"STORE {one} {flag}",
            "expunge": f"STORE {one} +FLAGS.SILENT (\\Deleted)" if self.random.random() < 0.5 else "EXPUNGE",
            "search": "SEARCH UNSEEN",
            "status": "STATUS Trash (MESSAGES UNSEEN UIDNEXT)",
            "select": "SELECT INBOX",
            "noop": "NOOP",
        }[what].encode()

    async def work(self):
        for _ in range(self.options.count):
            command = self.command()
            began = time.perf_counter()
            await self.ask(command)
            self.latencies.append((time.perf_counter() - began) * 1000)


def cpu_seconds(root):
    """Of a process, of those below it, and of those of them that have ended."""
    below, seconds = {}, {}
    tick = os.sysconf("SC_CLK_TCK")
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        below.setdefault(int(fields[1]), []).append(pid)
        seconds[pid] = sum(map(int, fields[11:15])) / tick
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += seconds.get(pid, 0.0)
        waiting.extend(below.get(pid, []))
    return total


async def run(options):
    clients = [Client(options, number) for number in range(options.conc)]
    for client in clients:
        await client.connect()
    # So that there is something to read.
    for client in clients[:options.users]:
        for _ in range(50):
            text = client.message()
            await client.ask(b"APPEND INBOX {%d+}\r\n" % len(text) + text)
    for client in clients:
        await client.ask(b"NOOP")
        client.refused = 0
    cpu, began = cpu_seconds(options.server_pid), time.perf_counter()
    await asyncio.gather(*(client.work() for client in clients))
    seconds, cpu = time.perf_counter() - began, cpu_seconds(options.server_pid) - cpu
    latencies = sorted(latency for client in clients for latency in client.latencies)
    count = len(latencies)
    print(json.dumps({
        "scenario": "stress", "label": options.label, "n": count, "per_s": count / seconds, "p50_ms": latencies[count // 2],
        "p99_ms": latencies[count * 99 // 100], "srv_cpu_ms_per_op": cpu * 1000 / count,
        "refused": sum(client.refused for client in clients),
    }))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--imap-port", type=int, required=True)
    options.add_argument("--server-pid", type=int, required=True)
    options.add_argument("--password", default="pass")
    options.add_argument("--label", default="")
    options.add_argument("--conc", type=int, default=50, help="clients")
    options.add_argument("--count", type=int, default=200, help="commands of each")
    options.add_argument("--users", type=int, default=25)
    options.add_argument("--first-user", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    # What the other drivers need to know of a server, and this one does not.
    asyncio.run(run(options.parse_known_args()[0]))


if __name__ == "__main__":
    main()
