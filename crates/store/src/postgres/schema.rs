//! The tables and the statements on them.

/// Makes what is not there yet. Order is by bytes: `bytea` compares so.
pub(super) const CREATE: &str = "
    CREATE SEQUENCE IF NOT EXISTS lsn;
    CREATE TABLE IF NOT EXISTS kv (account bigint, k bytea, v bytea NOT NULL, PRIMARY KEY (account, k));
    CREATE TABLE IF NOT EXISTS holds (body bytea, account bigint, item bigint, PRIMARY KEY (body, account, item));
    CREATE TABLE IF NOT EXISTS bodies (
        id bytea PRIMARY KEY, size bigint NOT NULL, digest bytea NOT NULL, staged timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS chunks (
        id bytea, number bigint, data bytea NOT NULL, staged timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, number));
";

pub(super) const GET: &str = "SELECT v FROM kv WHERE account = $1 AND k = $2";

pub(super) const SCAN: &str = "SELECT k, v FROM kv
    WHERE account = $1 AND k >= $2 AND ($3::bytea IS NULL OR k < $3) ORDER BY k LIMIT $4";

pub(super) const SCAN_REVERSE: &str = "SELECT k, v FROM kv
    WHERE account = $1 AND k >= $2 AND ($3::bytea IS NULL OR k < $3) ORDER BY k DESC LIMIT $4";

pub(super) const ACCOUNTS: &str =
    "SELECT DISTINCT account FROM kv WHERE account > $1 ORDER BY account LIMIT $2";

pub(super) const PUT: &str =
    "INSERT INTO kv SELECT $1, k, v FROM unnest($2::bytea[], $3::bytea[]) AS pair (k, v)
    ON CONFLICT (account, k) DO UPDATE SET v = excluded.v";

pub(super) const DELETE: &str = "DELETE FROM kv WHERE account = $1 AND k = ANY($2)";

pub(super) const HOLD: &str = "INSERT INTO holds
    SELECT body, $1, item FROM unnest($2::bytea[], $3::bigint[]) AS hold (body, item) ON CONFLICT DO NOTHING";

pub(super) const RELEASE: &str =
    "DELETE FROM holds USING unnest($2::bytea[], $3::bigint[]) AS gone (body, item)
    WHERE holds.account = $1 AND holds.body = gone.body AND holds.item = gone.item";

pub(super) const NEXT_LSN: &str = "SELECT nextval('lsn')";

pub(super) const HOLDS: &str = "SELECT body, account, item FROM holds
    WHERE (body, account, item) > ($1, $2, $3) ORDER BY body, account, item LIMIT $4";

pub(super) const BODY_SIZE: &str = "SELECT size FROM bodies WHERE id = $1";

pub(super) const CHUNK: &str = "SELECT data FROM chunks WHERE id = $1 AND number = $2";

pub(super) const PUT_CHUNK: &str = "INSERT INTO chunks (id, number, data) VALUES ($1, $2, $3)";

pub(super) const PUT_BODY: &str = "INSERT INTO bodies (id, size, digest) VALUES ($1, $2, $3)";

/// Chunks of a body that was never finished have no row in `bodies`: they go with the others.
pub(super) const SWEEP: &str = "WITH dead AS (
        DELETE FROM bodies WHERE staged < now() - make_interval(secs => $1)
            AND NOT EXISTS (SELECT FROM holds WHERE holds.body = bodies.id) RETURNING id
    ), parts AS (
        DELETE FROM chunks WHERE staged < now() - make_interval(secs => $1)
            AND (id IN (SELECT id FROM dead) OR NOT EXISTS (SELECT FROM bodies WHERE bodies.id = chunks.id))
    ) SELECT FROM dead";
