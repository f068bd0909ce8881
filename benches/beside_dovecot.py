#!/usr/bin/env python3
"""Measures fieldpost beside Debian's Dovecot (sdbox) in one run: LMTP deliveries, POP3 and IMAP sessions.

    benches/beside_dovecot.py --mailload PATH [--scale 1.0] [--rounds 3] [--only lmtp pop3 imap] [--json FILE]

Both servers run on loopback ports of their own, from a directory of their own, in turns: each figure of one is followed by
the same figure of the other. CPU is that of all of a server's processes. Needs dovecot-imapd, dovecot-pop3d, dovecot-lmtpd and
openssl (Debian), and root, since Dovecot wants to change users.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import ssl

import imap_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
USERS = [f"u{n}@example.test" for n in [*range(1, 51), 160, 902]]
DOVECOT, FIELDPOST = 31000, 32000


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mailload", required=True, help="the load driver's binary")
    options.add_argument("--scale", type=float, default=1.0, help="size of every step; 0.1 for a quick look")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", help="also write every measured line here")
    options.add_argument("--only", nargs="+", default=["lmtp", "pop3", "imap"], choices=["lmtp", "pop3", "imap"])
    options.add_argument("--index", default="sled", choices=["sled", "redb"])
    options.add_argument("--keep", action="store_true", help="keep the working directory")
    options = options.parse_args()

    subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "fieldpost"], cwd=ROOT, check=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="fieldpost-bench-"))
    work.chmod(0o711)
    make_certificate(work)
    idle = imap_rows.idle_users(options.scale) if "imap" in options.only else []
    servers = [Fieldpost(work, options.index, [*USERS, *imap_rows.USERS, *idle]), Dovecot(work)]
    try:
        for server in servers:
            server.start()
        lines = measure(servers, options)
    finally:
        for server in servers:
            server.stop()
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text("".join(json.dumps(line) + "\n" for line in lines))
    tables(lines)


def measure(servers, options):
    lines = []

    def run(server, scenario, title, **arguments):
        before = server.syncs()
        flags = [str(part) for name, value in arguments.items() for part in ("--" + name.replace("_", "-"), value)]
        driver = [ROOT / "benches/imap_stress.py"] if scenario == "stress" else [options.mailload, scenario]
        command = [str(part) for part in (*driver, *server.arguments(), *flags)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not done.stdout.strip():
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        after = server.syncs()
        for text in done.stdout.splitlines():
            line = json.loads(text) | {"server": server.name}
            # Steps that measure several things name each.
            part = line.get("command") or (line.get("name") if scenario in ("resync", "store") else None)
            line["title"] = f"{title} {part}" if part else title
            if before is not None and line.get("n"):
                line["syncs_per_op"] = (after - before) / line["n"]
            lines.append(line)
            print(f"  {server.name:10} {title:34}", brief(line), file=sys.stderr)

    size = max(50, int(2000 * options.scale))
    for round_ in range(options.rounds if "lmtp" in options.only else 0):
        for users in (50, 1):
            for connections in (1, 8, 32, 64):
                for server in turn(servers, round_):
                    run(server, "lmtp", f"LMTP {connections} connections, {users} users", count=size, conc=connections,
                        users=users, first_user=1 if users == 50 else 160, seed=100 * users + 10 * round_ + connections)
    box = max(100, int(1000 * options.scale))
    for server in servers if "pop3" in options.only else []:
        run(server, "lmtp", "fill", count=box, conc=8, users=1, first_user=902, seed=7)
    for round_ in range(options.rounds if "pop3" in options.only else 0):
        for title, extra in (("POP3 RETR", {}), ("POP3 RETR pipelined", {"pipeline": 20}), ("POP3 RETR TLS", {"tls": 1})):
            for server in turn(servers, round_):
                run(server, "pop3", title, user=902, reps=2, **extra)
        for tls in (0, 1):
            for server in turn(servers, round_):
                run(server, "logins", "POP3 login STAT QUIT" + (" TLS" if tls else ""), proto="pop3", tls=tls,
                    count=box, conc=10, users=50, reps=1)
    if "imap" in options.only:
        imap_rows.measure(run, servers, turn, options)
    return lines


def turn(servers, round_):
    """Who goes first changes each round, so that neither always meets the warmer machine."""
    return servers if round_ % 2 == 0 else list(reversed(servers))


def brief(line):
    keys = ("per_s", "p50_ms", "p99_ms", "srv_cpu_ms_per_op", "syncs_per_op", "retr_msgs_s", "srv_cpu_ms_per_msg",
            "srv_cpu_us_per_msg", "srv_cpu_ms", "pss_kb_per_conn", "push_p50_ms", "push_p99_ms", "lost")
    return " ".join(f"{key}={line[key]:.3g}" for key in keys if isinstance(line.get(key), (int, float)))


COLUMNS = {
    "per_s": "per s",
    "srv_cpu_us_per_msg": "CPU µs a message",
    "srv_cpu_ms": "CPU ms a command",
    "connect_srv_cpu_ms_each": "CPU ms a sign-in",
    "pss_kb_per_conn": "KiB each",
    "push_p50_ms": "push p50 ms",
    "push_p99_ms": "push p99 ms",
    "lost": "lost",
    "retr_msgs_s": "RETR/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "srv_cpu_ms_per_op": "CPU ms",
    "srv_cpu_ms_per_msg": "CPU ms a message",
    "syncs_per_op": "syncs",
    "disk_per_byte": "disk/byte",
}


def tables(lines):
    """Medians, a row a step, fieldpost and Dovecot side by side."""
    titles = [title for title in dict.fromkeys(line["title"] for line in lines) if title != "fill"]
    for family in ("LMTP", "POP3", "IMAP"):
        chosen = [title for title in titles if title.startswith(family)]
        if not chosen:
            continue
        keys = [key for key in COLUMNS if any(key in line for line in lines if line["title"] in chosen)]
        print("\n| " + " | ".join([family, *(f"{COLUMNS[key]}: fieldpost / Dovecot" for key in keys)]) + " |")
        print("|---" * (len(keys) + 1) + "|")
        for title in chosen:
            cells = []
            for key in keys:
                pair = []
                for name in ("fieldpost", "dovecot"):
                    found = [line[key] for line in lines
                             if line["title"] == title and line["server"] == name and isinstance(line.get(key), (int, float))]
                    pair.append(figure(statistics.median(found)) if found else "-")
                cells.append(" / ".join(pair) if pair != ["-", "-"] else "")
            print("| " + " | ".join([title, *cells]) + " |")


def figure(value):
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def make_certificate(work):
    (work / "tls").mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", work / "tls/key.pem", "-out",
         work / "tls/cert.pem"], check=True, capture_output=True)


class Server:
    name = ""
    base = 0

    def __init__(self, work):
        self.directory = work / self.name
        self.tls = work / "tls"
        self.process = None

    def arguments(self):
        base = self.base
        return ["--label", self.name, "--host", "127.0.0.1", "--imap-port", str(base + 143), "--imaps-port",
                str(base + 993), "--pop3-port", str(base + 110), "--pop3s-port",
                str(base + 995), "--lmtp-port", str(base + 24), "--server-pid", str(self.process.pid), "--data-dir",
                str(self.directory / "data")]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def syncs(self):
        return None


class Fieldpost(Server):
    name = "fieldpost"
    base = FIELDPOST

    def __init__(self, work, index, users):
        super().__init__(work)
        self.index = index
        self.users = users
        self.binary = ROOT / "target/release/fieldpost"
        self.config = self.directory / "fieldpost.toml"

    def start(self):
        self.directory.mkdir()
        listeners = [("lmtp", 24, "none"), ("imap", 143, "starttls"), ("imaps", 993, "implicit"), ("pop3", 110, "starttls"), ("pop3s", 995, "implicit"), ("https", 443, "implicit")]
        text = CONFIG.format(directory=self.directory, index=self.index, tls=self.tls) + "".join(
            f'\n[[listener]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{self.base + port}"\ntls = "{tls}"\n'
            for protocol, port, tls in listeners)
        self.config.write_text(text)
        passwd = self.directory / "passwd"
        passwd.write_text("".join(f"{user}:{{PLAIN}}pass::::::\n" for user in self.users))
        subprocess.run([self.binary, "account", "import", passwd, "--config", self.config], check=True, stdout=subprocess.DEVNULL)
        log = open(self.directory / "log", "w", encoding="utf-8")
        self.process = subprocess.Popen([self.binary, "serve", "--config", self.config], stdout=log, stderr=log)
        context = ssl.create_default_context(cafile=self.tls / "cert.pem")
        for _ in range(200):
            try:
                urllib.request.urlopen(f"https://localhost:{self.base + 443}/healthz/ready", context=context, timeout=5).read()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit(f"fieldpost is not ready; see {self.directory / 'log'}")

    def syncs(self):
        done = subprocess.run([self.binary, "stats", "--json", "--config", self.config], check=True, capture_output=True, text=True)
        return find(json.loads(done.stdout), "syncs")


def find(value, key):
    """The first `key` anywhere in a JSON value."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            found = find(part, key)
            if found is not None:
                return found
    return None


class Dovecot(Server):
    name = "dovecot"
    base = DOVECOT

    def start(self):
        for part in ("run", "state", "data"):
            (self.directory / part).mkdir(parents=True)
        self.directory.chmod(0o711)
        shutil.chown(self.directory / "data", "mail", "mail")
        config = self.directory / "dovecot.conf"
        config.write_text(DOVECOT_CONF.format(directory=self.directory, tls=self.tls, lmtp=self.base + 24, imap=self.base + 143, imaps=self.base + 993, pop3=self.base + 110,
                                              pop3s=self.base + 995))
        log = open(self.directory / "stdout", "w", encoding="utf-8")
        self.process = subprocess.Popen(["dovecot", "-F", "-c", config], stdout=log, stderr=log)
        time.sleep(2)
        if self.process.poll() is not None:
            sys.exit(f"dovecot did not start; see {self.directory / 'log'}")


CONFIG = """\
[server]
data_dir = "{directory}/data"
hostname = "localhost"

[store]
index = "{index}"

[directory]
allow_plain_import = true

[[tls.certificates]]
cert = "{tls}/cert.pem"
key = "{tls}/key.pem"
"""

DOVECOT_CONF = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
instance_name = fieldpost-bench
listen = 127.0.0.1
protocols = imap pop3 lmtp
ssl = yes
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
disable_plaintext_auth = no
auth_cache_size = 10M
first_valid_uid = 8
mail_uid = mail
mail_gid = mail
mail_location = sdbox:~/sdbox
mail_fsync = optimized
mail_max_userip_connections = 10000
mailbox_list_index = yes
imap_hibernate_timeout = 5s
imap_id_log =
default_process_limit = 500
default_client_limit = 20000
default_vsz_limit = 1G
passdb {{
  driver = static
  args = password=pass
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={directory}/data/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 10000
  vsz_limit = 1G
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  service_count = 100
  client_limit = 1
  process_min_avail = 2
  process_limit = 6000
  vsz_limit = 1G
  extra_groups = $default_internal_group
  unix_listener imap-master {{
    user = $default_internal_user
  }}
}}
service imap-hibernate {{
  client_limit = 20000
  unix_listener imap-hibernate {{
    mode = 0660
    group = $default_internal_group
  }}
}}
service anvil {{
  client_limit = 20000
}}
service auth {{
  client_limit = 20000
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 10000
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 100
  process_min_avail = 2
  process_limit = 1000
}}
service lmtp {{
  service_count = 0
  process_min_avail = 2
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
"""

if __name__ == "__main__":
    os.umask(0o022)
    main()
