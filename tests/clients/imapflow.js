// ImapFlow, the IMAP client under many Node programs, does all that it can do to a mailbox; tests/tests/imapflow.rs runs this and
// delivers a mail when it prints `idling`.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { ImapFlow } = require('imapflow');

const { CA, IMAPS, USER_NAME, PASSWORD, MAILS } = process.env;
const mails = fs.readdirSync(MAILS).sort().map(name => fs.readFileSync(path.join(MAILS, name)));

// Nothing here takes long: what hangs is shown with what it waited for.
let step = 'connect';
const watchdog = setTimeout(() => {
    console.error(`still at: ${step}`);
    process.exit(1);
}, 60_000);

const connect = async options => {
    const client = new ImapFlow({
        host: 'localhost',
        port: Number(IMAPS),
        secure: true,
        tls: { ca: fs.readFileSync(CA) },
        auth: { user: USER_NAME, pass: PASSWORD },
        logger: false,
        emitLogs: true,
        // IDLE only when this asks for it.
        disableAutoIdle: true,
        ...options
    });
    await client.connect();
    return client;
};

const ids = found => found.map(message => message.envelope.messageId);

const listing = async client => {
    step = 'list';
    const listed = await client.list({
        statusQuery: { messages: true, uidNext: true, uidValidity: true, unseen: true, highestModseq: true, size: true, deleted: true }
    });
    const bySpecialUse = new Map(listed.filter(box => box.specialUse).map(box => [box.specialUse, box]));
    for (const use of ['\\Drafts', '\\Sent', '\\Junk', '\\Trash', '\\Archive']) {
        assert.equal(bySpecialUse.get(use)?.specialUseSource, 'extension', `${use}: ${JSON.stringify([...bySpecialUse.keys()])}`);
    }
    const inbox = listed.find(box => box.path === 'INBOX');
    assert.equal(inbox.status.deleted, 0);
    assert.equal(bySpecialUse.get('\\Archive').path, 'Archive');
    assert.equal(bySpecialUse.get('\\Drafts').path, 'Drafts');
    return inbox.status;
};

const reading = async (client, status) => {
    step = 'fetch';
    assert.equal(client.mailbox.exists, status.messages);
    assert.equal(client.mailbox.uidNext, status.uidNext);
    assert.equal(client.mailbox.uidValidity, status.uidValidity);
    assert.equal(client.mailbox.highestModseq, status.highestModseq);
    const all = await client.fetchAll('1:*', {
        uid: true, flags: true, envelope: true, bodyStructure: true, size: true, internalDate: true, source: true, threadId: true
    });
    assert.equal(all.length, status.messages);
    assert.equal(all.reduce((sum, message) => sum + message.size, 0), status.size);
    assert.equal(all.filter(message => !message.flags.has('\\Seen')).length, status.unseen);
    for (const message of all) {
        assert.equal(message.source.length, message.size);
        assert.ok(message.emailId && message.threadId && message.modseq > 0n, String(message.uid));
    }
    const known = mails.map((mail, number) => {
        const message = all.find(one => one.envelope.messageId === `<${number + 1}@example.org>`);
        const body = mail.subarray(mail.indexOf('\r\n\r\n'));
        assert.ok(message.source.subarray(-body.length).equals(body), `the text of ${number}`);
        assert.deepEqual(message.envelope.from, [{ name: 'Sender', address: 'sender@example.org' }]);
        assert.deepEqual(message.envelope.to.map(to => to.address), [USER_NAME]);
        return message;
    });
    assert.deepEqual(known.map(message => message.envelope.subject), ['plain', 'dots', 'Grüße', 'parts', 'large']);

    const structure = known[3].bodyStructure;
    assert.equal(structure.type, 'multipart/mixed');
    assert.deepEqual(structure.childNodes.map(part => [part.part, part.type, part.encoding]), [
        ['1', 'text/plain', '7bit'],
        ['2', 'application/pdf', 'base64']
    ]);
    assert.equal(structure.childNodes[1].disposition, 'attachment');
    assert.equal(structure.childNodes[1].dispositionParameters.filename, 'a.pdf');

    step = 'download';
    const { meta, content } = await client.download(known[3].uid, '2', { uid: true });
    assert.equal(meta.filename, 'a.pdf');
    const chunks = [];
    for await (const chunk of content) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), '%PDF-1.4\n');
    return known;
};

const searching = async (client, known) => {
    step = 'search';
    const search = query => client.search(query, { uid: true });
    assert.deepEqual(await search({ subject: 'Grüße' }), [known[2].uid]);
    assert.deepEqual(await search({ body: 'Köln' }), [known[2].uid]);
    assert.deepEqual(await search({ header: { 'message-id': '<2@example.org>' } }), [known[1].uid]);
    assert.deepEqual(await search({ or: [{ larger: 500_000 }, { header: { subject: 'parts' } }], from: 'sender@example.org' }), [
        known[3].uid,
        known[4].uid
    ]);
    assert.deepEqual(await search({ emailId: known[0].emailId }), [known[0].uid]);
    assert.deepEqual(await search({ subject: 'nobody wrote this' }), []);
};

// What changes after `before` is all that a client that comes back is told.
const changing = async (client, known, before) => {
    step = 'flags';
    const [plain, dots, greeting] = known;
    assert.ok(await client.messageFlagsAdd(plain.uid, ['\\Flagged', '$Work'], { uid: true }));
    let now = await client.fetchOne(plain.uid, { flags: true }, { uid: true });
    assert.ok(now.flags.has('\\Flagged') && now.flags.has('$Work'));
    assert.ok(now.modseq > before);
    // Somebody who does not know of that change does not get through.
    await client.messageFlagsAdd(plain.uid, ['\\Deleted'], { uid: true, unchangedSince: before });
    assert.ok(await client.messageFlagsRemove(plain.uid, ['\\Flagged'], { uid: true }));
    now = await client.fetchOne(plain.uid, { flags: true }, { uid: true });
    assert.ok(!now.flags.has('\\Deleted') && !now.flags.has('\\Flagged') && now.flags.has('$Work'), [...now.flags].join(' '));

    step = 'changedSince';
    const changed = await client.fetchAll('1:*', { flags: true }, { uid: true, changedSince: before });
    assert.deepEqual(changed.map(message => message.uid), [plain.uid]);

    step = 'copy';
    const created = await client.mailboxCreate(['Projects', 'Grün']);
    assert.equal(created.created, true);
    const copied = await client.messageCopy(`${plain.uid},${dots.uid}`, created.path, { uid: true });
    assert.deepEqual([...copied.uidMap], [[plain.uid, 1], [dots.uid, 2]]);

    step = 'move';
    // With QRESYNC what is gone is told by its uid.
    const gone = once(client, 'expunge');
    const moved = await client.messageMove(greeting.uid, 'Archive', { uid: true });
    assert.deepEqual([...moved.uidMap.keys()], [greeting.uid]);
    assert.equal((await gone)[0].uid, greeting.uid);
    assert.equal(await client.fetchOne(greeting.uid, { flags: true }, { uid: true }), false);

    step = 'append';
    const date = new Date('2026-03-29T01:30:00Z');
    const appended = await client.append('Drafts', 'Subject: Entwürfe\r\n\r\nnoch nicht\r\n', ['\\Draft', '\\Seen'], date);
    assert.equal(appended.destination, 'Drafts');
    return { appended, date, copied: created.path };
};

const elsewhere = async (client, { appended, date, copied }) => {
    step = 'other mailboxes';
    let lock = await client.getMailboxLock('Drafts');
    assert.equal(client.mailbox.uidValidity, appended.uidValidity);
    const draft = await client.fetchOne(appended.uid, { flags: true, source: true, internalDate: true }, { uid: true });
    assert.deepEqual([...draft.flags].sort(), ['\\Draft', '\\Seen']);
    assert.equal(draft.internalDate.getTime(), date.getTime());
    assert.equal(draft.source.toString(), 'Subject: Entwürfe\r\n\r\nnoch nicht\r\n');
    assert.ok(await client.messageDelete(appended.uid, { uid: true }));
    // ImapFlow does not count down at VANISHED: the server is asked.
    assert.deepEqual(await client.search({ all: true }), []);
    lock.release();
    lock = await client.getMailboxLock('Archive', { readOnly: true });
    assert.deepEqual(ids(await client.fetchAll('1:*', { envelope: true })), ['<3@example.org>']);
    lock.release();
    lock = await client.getMailboxLock(copied);
    assert.deepEqual(ids(await client.fetchAll('1:*', { envelope: true })), ['<1@example.org>', '<2@example.org>']);
    lock.release();
    const status = await client.status(copied, { messages: true, unseen: true, uidNext: true });
    assert.deepEqual([status.messages, status.uidNext], [2, 3]);
};

const comingBack = async (known, { uidValidity, highestModseq }) => {
    step = 'QRESYNC';
    const client = await connect({ qresync: true });
    const [flags, gone] = [[], []];
    client.on('flags', event => flags.push([event.uid, event.flags.has('$Work')]));
    client.on('expunge', event => gone.push([event.uid, event.vanished, event.earlier]));
    const mailbox = await client.mailboxOpen('INBOX', { changedSince: highestModseq, uidValidity });
    assert.equal(mailbox.qresync, true);
    assert.deepEqual(flags, [[known[0].uid, true]]);
    assert.deepEqual(gone, [[known[2].uid, true, true]]);
    return client;
};

const waiting = async client => {
    step = 'IDLE';
    const before = client.mailbox.exists;
    // A delivery before the server idles could be told with any answer: only then is the other side asked for one.
    client.on('log', entry => {
        if (entry.src === 's' && entry.msg.startsWith('+ ') && client.idling) console.log('idling');
    });
    const heard = once(client, 'exists');
    const idle = client.idle();
    const [event] = await heard;
    assert.deepEqual([event.path, event.count, event.prevCount], ['INBOX', before + 1, before]);
    assert.ok(client.idling, 'it was told while it idled');
    const message = await client.fetchOne('*', { envelope: true, source: true });
    await idle;
    assert.equal(message.envelope.subject, 'while you idled');
    assert.ok(message.source.toString().endsWith('\r\n\r\nGood morning.\r\n'));
};

(async () => {
    const client = await connect({ qresync: true });
    assert.ok(client.secureConnection && client.authenticated);
    for (const extension of ['CONDSTORE', 'QRESYNC', 'IMAP4REV2']) {
        assert.ok(client.enabled.has(extension), `${extension} is not among ${[...client.enabled]}`);
    }
    const status = await listing(client);
    const lock = await client.getMailboxLock('INBOX');
    let known, changes;
    try {
        known = await reading(client, status);
        await searching(client, known);
        changes = await changing(client, known, status.highestModseq);
    } finally {
        lock.release();
    }
    await elsewhere(client, changes);
    const again = await comingBack(known, status);
    await waiting(again);
    step = 'logout';
    for (const one of [client, again]) {
        await one.logout();
        assert.equal(one.usable, false);
    }
    clearTimeout(watchdog);
    console.log('done');
})().catch(error => {
    console.error(`at ${step}:`, error);
    process.exit(1);
});
