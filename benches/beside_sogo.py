#!/usr/bin/env python3
"""Measures fieldpost beside Debian's SOGo over Dovecot in one run: ActiveSync of phones.

    benches/beside_sogo.py [--sizes 1000 5000 100000] [--sogo-max 5000] [--rounds 20] [--phones 1000 10000] [--json FILE]

Both servers run on loopback ports of their own, from a directory of their own, in turns, and have the same mails. CPU is that
of all of a server's processes: SOGo's are sogod, memcached, PostgreSQL and Dovecot. Its phones speak to sogod without the Apache
that stands in front of it elsewhere; Syncs are without TLS on both sides, waiting phones of fieldpost have TLS. Needs sogo,
sogo-activesync, memcached, postgresql, dovecot-imapd, dovecot-lmtpd and openssl (Debian), and root.
"""

import argparse
import imaplib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import beside_dovecot

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Below the ports that outgoing connections are given.
FIELDPOST, SOGO, DOVECOT = 28000, 29000, 30000
PASSWORD = "pass"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 100_000], help="mails in an INBOX")
    options.add_argument("--sogo-max", type=int, default=5000, help="the largest INBOX that SOGo is asked for")
    options.add_argument("--rounds", type=int, default=20, help="of new mails, and of none")
    options.add_argument("--phones", type=int, nargs="*", default=[1000, 10_000], help="phones that wait for fieldpost")
    options.add_argument("--ping-users", type=int, default=1000, help="users that they belong to")
    options.add_argument("--sogo-phones", type=int, default=20, help="phones that wait for SOGo, a process each")
    options.add_argument("--deliveries", type=int, default=500, help="mails to waiting phones of fieldpost")
    options.add_argument("--sogo-deliveries", type=int, default=10, help="the same for SOGo, which looks every ten seconds")
    options.add_argument("--only", nargs="+", default=["sync", "ping"], choices=["sync", "ping"])
    options.add_argument("--servers", nargs="+", default=["fieldpost", "sogo"], choices=["fieldpost", "sogo"])
    options.add_argument("--version", default="14.1", choices=["14.1", "12.1"])
    options.add_argument("--fieldpost", type=pathlib.Path, help="its binary, instead of one that is built first")
    options.add_argument("--index", default="sled", choices=["sled", "redb"])
    options.add_argument("--json", help="also write every measured line here")
    options.add_argument("--keep", action="store_true", help="keep the working directory")
    options = options.parse_args()

    build(options)
    work = pathlib.Path(tempfile.mkdtemp(prefix="fieldpost-bench-"))
    work.chmod(0o711)
    beside_dovecot.make_certificate(work)
    run = Run(options, work)
    try:
        if "sync" in options.only:
            syncs(run)
        if "ping" in options.only:
            pings(run)
    finally:
        if options.json:
            pathlib.Path(options.json).write_text("".join(json.dumps(line) + "\n" for line in run.lines), encoding="utf-8")
        if options.keep:
            print(f"kept in {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    table(run.lines)


def build(options):
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "fieldpost-benches", "--bin", "phones"], cwd=ROOT, check=True)
    if not options.fieldpost:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "fieldpost"], cwd=ROOT, check=True)
        options.fieldpost = ROOT / "target/release/fieldpost"


class Run:
    """What is measured, and where."""

    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.lines = []

    def phones(self, server, scenario, users, *arguments, tls=False):
        """One run of the driver; the lines that it printed."""
        names = self.work / "users"
        names.write_text("".join(f"{user}:{PASSWORD}\n" for user in users), encoding="utf-8")
        command = [ROOT / "target/release/phones", scenario, "--users", names, "--label", server.name, "--version",
                   self.options.version, *server.arguments(tls), *arguments]
        command = [str(part) for part in command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=many_files)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}\n{server.logs()}")
        lines = [json.loads(line) | {"load": os.getloadavg()[0]} for line in done.stdout.splitlines()]
        self.lines.extend(lines)
        for line in lines:
            print("  " + brief(line), file=sys.stderr)
        return lines


def syncs(run):
    options = run.options
    boxes = [f"box{size}@example.test" for size in options.sizes]
    servers = [server for server in (Fieldpost(run, boxes), Sogo(run, boxes, workers=3)) if server.name in options.servers]
    try:
        for server in servers:
            server.start()
        for size, box in zip(options.sizes, boxes):
            turn = [server for server in servers if server.name != "sogo" or size <= options.sogo_max]
            for server in turn:
                run.phones(server, "fill", [box], "--count", size, "--seed", size)
            for server in turn:
                run.phones(server, "first-sync", [box], "--rounds", options.rounds, "--seed", size)
    finally:
        for server in servers:
            server.stop()


def pings(run):
    options = run.options
    users = [f"u{number}@example.test" for number in range(options.ping_users)]
    for count in options.phones if "fieldpost" in options.servers else []:
        one(run, Fieldpost(run, users), count, users, True, "--deliveries", options.deliveries,
            "--sources", 1 + count // 20_000)
    if "sogo" in options.servers and options.sogo_phones:
        users = users[:options.sogo_phones]
        one(run, Sogo(run, users, workers=options.sogo_phones + 5), options.sogo_phones, users, False, "--deliveries",
            options.sogo_deliveries, "--told-within", 60)


def one(run, server, count, users, tls, *arguments):
    """A server just started, with that many phones."""
    try:
        server.start()
        run.phones(server, "ping", users, "--count", count, *arguments, tls=tls)
    finally:
        server.stop()


def many_files():
    """As many open files as a hundred thousand connections need, or all there may be."""
    for limit in (200_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except (ValueError, OSError):
            pass


def wait_for(what, url, log):
    """Until something answers over HTTP, whatever it says."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{what} is not ready; see {log}:\n{tail(log)}")


def tail(path):
    path = pathlib.Path(path)
    return "\n".join(path.read_text(errors="replace").splitlines()[-20:]) if path.exists() else ""


class Server:
    name = ""

    def __init__(self, run, users):
        self.options = run.options
        self.work = run.work
        self.directory = run.work / self.name
        self.users = users
        self.processes = {}

    def spawn(self, group, command, **extra):
        log = open(self.directory / f"{group}.log", "a", encoding="utf-8")
        command = [str(part) for part in command]
        self.processes[group] = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=many_files, **extra)

    def pids(self):
        return [part for group, process in self.processes.items() for part in ("--pid", f"{group}={process.pid}")]

    def stop(self):
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        # The next one begins with nothing.
        if not self.options.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        return "\n".join(f"== {path}\n{tail(path)}" for path in self.directory.glob("*.log"))


class Fieldpost(Server):
    name = "fieldpost"

    def start(self):
        self.directory.mkdir()
        config = self.directory / "fieldpost.toml"
        listeners = [("lmtp", 24, "none"), ("http", 80, "none"), ("https", 443, "implicit")]
        config.write_text(
            beside_dovecot.CONFIG.format(directory=self.directory, index=self.options.index, tls=self.work / "tls") + "".join(
                f'\n[[listener]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{FIELDPOST + port}"\ntls = "{tls}"\n'
                "max_connections = 200000\nbacklog = 4096\n" for protocol, port, tls in listeners), encoding="utf-8")
        passwd = self.directory / "passwd"
        passwd.write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in self.users), encoding="utf-8")
        binary = self.options.fieldpost
        subprocess.run([binary, "account", "import", passwd, "--config", config], check=True, stdout=subprocess.DEVNULL)
        self.spawn("fieldpost", [binary, "serve", "--config", config])
        wait_for("fieldpost", f"http://127.0.0.1:{FIELDPOST + 80}/healthz/ready", self.directory / "fieldpost.log")

    def arguments(self, tls):
        port = ["--port", FIELDPOST + 443, "--tls"] if tls else ["--port", FIELDPOST + 80]
        return [*port, "--lmtp", FIELDPOST + 24, *self.pids()]


class Sogo(Server):
    name = "sogo"

    def __init__(self, run, users, workers):
        super().__init__(run, users)
        self.workers = workers
        self.dovecot = None

    def start(self):
        self.directory.mkdir(mode=0o711)
        self.directory.chmod(0o711)
        self.start_postgres()
        self.spawn("memcached", ["memcached", "-u", "memcache", "-l", "127.0.0.1", "-p", SOGO + 211])
        self.start_dovecot()
        # sogod reads one place only; it gets its own view of that.
        etc = self.directory / "etc"
        etc.mkdir()
        database = f"postgresql://sogo@127.0.0.1:{SOGO + 432}/sogo"
        (etc / "sogo.conf").write_text(
            SOGO_CONF.format(database=database, imap=DOVECOT + 143, memcached=SOGO + 211), encoding="utf-8")
        command = ["/usr/sbin/sogod", "-WONoDetach", "YES", "-WOPort", f"127.0.0.1:{SOGO + 80}", "-WOWorkersCount", self.workers,
                   "-WOListenQueueSize", 100, "-WOLogFile", "-", "-WOPidFile", self.run_directory() / "sogo.pid"]
        script = 'mount --bind "$0" /etc/sogo && exec setpriv --reuid sogo --regid sogo --init-groups "$@"'
        environment = os.environ | {"HOME": str(self.run_directory()), "LC_ALL": "C.UTF-8"}
        self.spawn("sogod", ["unshare", "--mount", "sh", "-c", script, etc, *command], env=environment)
        wait_for("SOGo", f"http://127.0.0.1:{SOGO + 80}/SOGo/", self.directory / "sogod.log")

    def run_directory(self):
        path = self.directory / "run"
        if not path.exists():
            path.mkdir()
            shutil.chown(path, "sogo", "sogo")
        return path

    def start_postgres(self):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        data = self.directory / "postgres"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        here = self.directory
        subprocess.run([*as_postgres, programs / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale", "C"], check=True,
                       stdout=subprocess.DEVNULL, cwd=here)
        self.spawn("postgres", [*as_postgres, programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", SOGO + 432, "-k", data,
                                "-c", "max_connections=500"], cwd=here)
        client = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(SOGO + 432), "-U", "postgres"]
        for _ in range(100):
            if subprocess.run([*client, "-c", "select"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        for statement in ("create role sogo superuser login", "create database sogo owner sogo"):
            subprocess.run([*client, "-c", statement], check=True)
        client[-1] = "sogo"
        rows = ", ".join(f"('{user}', '{user}', '{PASSWORD}', '{user}', '{user}')" for user in self.users)
        subprocess.run([*client, "sogo", "-c", "create table sogo_users (c_uid varchar primary key, c_name varchar, "
                        f"c_password varchar, c_cn varchar, mail varchar); insert into sogo_users values {rows}"], check=True)

    def start_dovecot(self):
        self.dovecot = beside_dovecot.Dovecot(self.directory)
        self.dovecot.base = DOVECOT
        self.dovecot.tls = self.work / "tls"
        try:
            self.dovecot.start()
        except SystemExit:
            sys.exit(f"dovecot did not start:\n{tail(self.dovecot.directory / 'log')}\n{tail(self.dovecot.directory / 'stdout')}")
        self.processes["dovecot"] = self.dovecot.process
        # SOGo makes its keys of HIGHESTMODSEQ, which Dovecot keeps from the first time that somebody asked for it.
        for user in self.users:
            client = imaplib.IMAP4("127.0.0.1", DOVECOT + 143)
            client.login(user, PASSWORD)
            client._simple_command("SELECT", "INBOX", "(CONDSTORE)")
            client.shutdown()

    def arguments(self, tls):
        assert not tls
        headers = [f"x-webobjects-{name}" for name in ("server-port: 443", "server-name: localhost",
                                                        "server-url: https://localhost", "server-protocol: HTTP/1.0")]
        return ["--port", SOGO + 80, "--close", "--path", "/SOGo/Microsoft-Server-ActiveSync", "--lmtp", DOVECOT + 24,
                *[part for header in headers for part in ("--header", header)], *self.pids()]


def brief(line):
    keys = ("items", "requests", "wall_ms", "cpu_ms", "cpu_ms_per_item", "phones", "told", "lost", "p50_ms", "p99_ms", "max_ms", "load")
    figures = " ".join(f"{key}={figure(line[key])}" for key in keys if isinstance(line.get(key), (int, float)))
    return f"{line['label']:10} {line['scenario']:12} {figures}"


def table(lines):
    """A row a step: fieldpost, SOGo, and SOGo without the Dovecot under it."""
    print(f"\nLoad {min(line['load'] for line in lines):.1f} to {max(line['load'] for line in lines):.1f}.")
    syncs_of = {(line["scenario"], line["size"], line["label"]): line for line in lines if "size" in line}
    if syncs_of:
        print("\n| CPU ms | fieldpost | SOGo | SOGo without Dovecot |\n|---|---|---|---|")
    for scenario, title, by in (("first-sync", "first sync of {:,}, a mail", "items"), ("delta", "10 new mails of {:,}", None),
                                ("idle", "nothing new of {:,}", None)):
        for size in sorted({key[1] for key in syncs_of if key[0] == scenario}):
            cells = []
            for label, without in (("fieldpost", None), ("sogo", None), ("sogo", "dovecot")):
                line = syncs_of.get((scenario, size, label))
                if line is None:
                    cells.append("-")
                    continue
                used = line["cpu_ms"] - line["groups_ms"].get(without, 0.0)
                cells.append(figure(used / line[by] if by else used))
            print(f"| {title.format(size)} | " + " | ".join(cells) + " |")
    waits = [line for line in lines if line["scenario"] == "ping-wait"]
    wakes = {(line["label"], line["phones"]): line for line in lines if line["scenario"] == "ping-wake"}
    if waits:
        print("\n| phones that wait | KiB each, resident / proportional | all processes, MiB proportional | told of a mail, ms behind "
              "its 250: p50 / p99 / most | not told | CPU ms a delivery |\n|---|---|---|---|---|---|")
    for line in waits:
        each = line["kib_per_phone"].values()
        grown = " / ".join(figure(sum(part[kind] for part in each)) for kind in ("rss", "pss"))
        whole = sum(pss for _, pss in line["memory_waiting_kib"].values()) / 1024
        wake = wakes.get((line["label"], line["phones"]))
        cells = ["-"] * 3
        if wake:
            times = " / ".join(figure(wake[key]) if wake[key] is not None else "-" for key in ("p50_ms", "p99_ms", "max_ms"))
            cells = [times, f"{wake['lost']} of {wake['lost'] + wake['told']}", figure(wake["cpu_ms_per_delivery"])]
        print(f"| {line['label']}, {line['phones']:,} | {grown} | {figure(whole)} | " + " | ".join(cells) + " |")


def figure(value):
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


SOGO_CONF = """\
{{
  SOGoProfileURL = "{database}/sogo_user_profile";
  OCSFolderInfoURL = "{database}/sogo_folder_info";
  OCSSessionsFolderURL = "{database}/sogo_sessions_folder";
  OCSEMailAlarmsFolderURL = "{database}/sogo_alarms_folder";
  OCSStoreURL = "{database}/sogo_store";
  OCSAclURL = "{database}/sogo_acl";
  OCSCacheFolderURL = "{database}/sogo_cache_folder";
  SOGoUserSources = (
    {{
      type = sql;
      id = users;
      viewURL = "{database}/sogo_users";
      canAuthenticate = YES;
      userPasswordAlgorithm = none;
      isAddressBook = NO;
    }}
  );
  SOGoLanguage = English;
  SOGoTimeZone = UTC;
  SOGoMailDomain = "example.test";
  SOGoIMAPServer = "imap://127.0.0.1:{imap}";
  SOGoMailingMechanism = smtp;
  SOGoSMTPServer = "smtp://127.0.0.1:25";
  SOGoSentFolderName = Sent;
  SOGoTrashFolderName = Trash;
  SOGoDraftsFolderName = Drafts;
  SOGoMemcachedHost = "127.0.0.1:{memcached}";
  SOGoMaximumPingInterval = 3540;
  SOGoMaximumSyncInterval = 3540;
  SOGoInternalSyncInterval = 10;
  WOWatchDogRequestTimeout = 60;
  SxVMemLimit = 1024;
}}
"""

if __name__ == "__main__":
    os.umask(0o022)
    main()
