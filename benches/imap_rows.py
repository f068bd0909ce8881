"""The IMAP steps of `beside_dovecot.py`: reading, changing, searching, waiting."""

HEADERS = "UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE"
FIELDS = "UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID REFERENCES)]"
UNCOMMON = "UID BODY.PEEK[HEADER.FIELDS (DKIM-SIGNATURE)]"

# The boxes that the steps read, and the accounts they write to.
BOX, LARGE_BOX = 900, 901
STRESS = range(200, 225)
USERS = [f"u{n}@example.test" for n in [BOX, LARGE_BOX, *range(100, 108), *STRESS]]


def idle_users(scale):
    return [f"idle{n}@example.test" for n in range(1, max(50, int(1000 * scale)) + 1)]


def measure(run, servers, turn, options):
    """Runs all steps; `run(server, scenario, title, **arguments)` measures one."""
    scale = options.scale
    box, large = max(500, int(10_000 * scale)), max(2_000, int(100_000 * scale))

    def both(scenario, title, round_=0, **arguments):
        for server in turn(servers, round_):
            run(server, scenario, title, **arguments)

    both("append", "IMAP APPEND, 1 connection", count=max(100, int(1000 * scale)), conc=1, users=8, first_user=100, seed=11)
    both("append", "IMAP APPEND, 8 connections", count=max(100, int(1000 * scale)), conc=8, users=8, first_user=100, seed=18)
    both("fill", "IMAP MULTIAPPEND", user=BOX, count=box, kind="std")
    both("fill", "IMAP MULTIAPPEND, small", user=LARGE_BOX, count=large, kind="tiny", batch=1000)
    for round_ in range(options.rounds):
        both("fetch", "IMAP headers", round_, user=BOX, name="headers", reps=5, items=HEADERS)
        both("fetch", "IMAP headers, TLS", round_, user=BOX, name="headers_tls", reps=3, tls=1, items=HEADERS)
        both("fetch", "IMAP UID FLAGS", round_, user=BOX, name="flags", reps=5, items="UID FLAGS")
        both("fetch", "IMAP UID FLAGS, large box", round_, user=LARGE_BOX, name="flags_large", reps=5, items="UID FLAGS")
        both("fetch", "IMAP six header fields", round_, user=BOX, name="fields", reps=4, items=FIELDS)
        both("fetch", "IMAP uncommon field", round_, user=BOX, name="uncommon", reps=3, items=UNCOMMON)
        bodies = f"1:{max(100, int(1000 * scale))}"
        both("fetch", "IMAP bodies", round_, user=BOX, name="bodies", range=bodies, items="UID BODY.PEEK[]", reps=4)
        both("fetch", "IMAP bodies, TLS", round_, user=BOX, name="bodies_tls", tls=1, range=bodies, items="UID BODY.PEEK[]", reps=4)
        each = max(100, int(1000 * scale))
        both("fetch", "IMAP bodies one by one", round_, user=BOX, name="each", each=each, items="UID BODY.PEEK[]", reps=3)
        both("fetch", "IMAP bodies one by one, TLS", round_, user=BOX, name="each_tls", tls=1, each=each, items="UID BODY.PEEK[]", reps=3)
        both("resync", "IMAP resync", round_, user=LARGE_BOX, reps=10)
        both("search", "IMAP", round_, user=BOX, reps=4)
        both("search", "IMAP text", round_, user=BOX, reps=2, commands="SEARCH TEXT zqxneedle")
        both("store", "IMAP STORE", round_, user=BOX, reps=4)
        both("store-each", "IMAP STORE one by one", round_, user=BOX, count=each, reps=2)
        both("copy", "IMAP COPY", round_, user=BOX, reps=2, commands=f"COPY {bodies} Trash")
        for tls in (0, 1):
            both("logins", "IMAP login SELECT LOGOUT" + (", TLS" if tls else ""), round_, proto="imap", tls=tls,
                 count=max(100, int(1000 * scale)), conc=10, users=50)
        both("stress", "IMAP stress mix, 50 clients", round_, conc=50, count=max(20, int(200 * scale)), users=len(STRESS), first_user=STRESS.start,
             seed=round_ + 1)
    waiting = len(idle_users(scale))
    both("idle", "IMAP IDLE, TLS", tls=1, user_fmt="idle%d@example.test", count=waiting, users=waiting, settle=10,
         pushes=max(20, int(200 * scale)))
