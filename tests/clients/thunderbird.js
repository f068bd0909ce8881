// What tests/tests/thunderbird.rs has Thunderbird do. All of it runs inside Thunderbird, with its own modules; the test calls one
// function at a time, and a promise is waited for.
/* global ChromeUtils, Cc, Ci, Services */

const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');

const account = () => MailServices.accounts.allServers.find(server => server.type === 'imap');
const special = flag => account().rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[flag]);
const inbox = () => special('Inbox');
const bySubject = subject => [...inbox().messages].find(message => message.mime2DecodedSubject === subject);

// As if the user had trusted the certificate authority and had the password remembered.
async function prepare(ca, user, password) {
    const certificates = Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB);
    certificates.addCertFromBase64(ca.replace(/-----[^-]*-----|\s/g, ''), 'C,,');
    const login = Cc['@mozilla.org/login-manager/loginInfo;1'].createInstance(Ci.nsILoginInfo);
    login.init('imap://localhost', null, 'imap://localhost', user, password, '', '');
    await Services.logins.addLoginAsync(login);
}

// The button: signs in, looks for folders, and from then on Thunderbird keeps a connection that idles.
function getMessages() {
    const server = account();
    server.getNewMessages(server.rootFolder, null, null);
}

// The folders that Thunderbird has found, with what it uses them for.
function folders() {
    const uses = { Inbox: null, Drafts: null, SentMail: null, Junk: null, Trash: null, Archive: null };
    for (const use of Object.keys(uses)) uses[use] = special(use)?.name ?? null;
    return { names: account().rootFolder.descendants.map(folder => folder.name).sort(), uses };
}

// The name of the folder that Thunderbird uses for that, once it has found it.
function whenFound(use) {
    const { mailSession } = MailServices;
    return new Promise(resolve => {
        const look = () => {
            const found = special(use);
            if (!found) return;
            mailSession.RemoveFolderListener(listener);
            resolve(found.name);
        };
        const listener = { onFolderAdded: look, onFolderIntPropertyChanged: look };
        mailSession.AddFolderListener(listener, Ci.nsIFolderListener.all);
        look();
    });
}

// Where mail goes out, and the password for it.
function sendBy(port, socketType, password) {
    const server = MailServices.outgoingServer.defaultServer.QueryInterface(Ci.nsISmtpServer);
    server.port = port;
    server.socketType = socketType;
    server.password = password;
}

// Composes a plain text in the name of one of the account's identities and sends it, as the button does.
async function send(from, to, subject, text) {
    const { identity } = (() => {
        const mine = MailServices.accounts.findAccountForServer(account());
        const known = mine.identities.find(one => one.email === from);
        if (known) return { identity: known };
        const identity = MailServices.accounts.createIdentity();
        identity.copy(mine.defaultIdentity);
        identity.email = from;
        mine.addIdentity(identity);
        return { identity };
    })();
    const fields = Cc['@mozilla.org/messengercompose/composefields;1'].createInstance(Ci.nsIMsgCompFields);
    Object.assign(fields, { from, to, subject, body: text, useMultipartAlternative: false, forcePlainText: true });
    const parameters = Cc['@mozilla.org/messengercompose/composeparams;1'].createInstance(Ci.nsIMsgComposeParams);
    parameters.composeFields = fields;
    parameters.format = Ci.nsIMsgCompFormat.PlainText;
    parameters.identity = identity;
    const composing = MailServices.compose.initCompose(parameters);
    await composing.sendMsg(Ci.nsIMsgSend.nsMsgDeliverNow, identity, '', null, null);
}

function subjects() {
    return [...inbox().messages].map(message => message.mime2DecodedSubject).sort();
}

function flag(subject) {
    inbox().markMessagesFlagged([bySubject(subject)], true);
}

// Ends when Thunderbird shows the message as answered, or with false after some seconds.
function whenAnswered(subject, seconds) {
    const { mailSession } = MailServices;
    const message = bySubject(subject);
    const isAnswered = () => Boolean(message.flags & Ci.nsMsgMessageFlags.Replied);
    return new Promise(resolve => {
        const listener = {
            onFolderPropertyFlagChanged() {
                if (isAnswered()) end(true);
            }
        };
        const timer = Cc['@mozilla.org/timer;1'].createInstance(Ci.nsITimer);
        const end = shown => {
            timer.cancel();
            mailSession.RemoveFolderListener(listener);
            resolve(shown);
        };
        timer.initWithCallback(() => end(isAnswered()), seconds * 1000, Ci.nsITimer.TYPE_ONE_SHOT);
        mailSession.AddFolderListener(listener, Ci.nsIFolderListener.propertyFlagChanged);
        if (isAnswered()) listener.onFolderPropertyFlagChanged();
    });
}

// Ends when the server has moved it.
function moveToArchive(subject) {
    return new Promise((resolve, reject) => {
        const listener = {
            QueryInterface: ChromeUtils.generateQI(['nsIMsgCopyServiceListener']),
            onStartCopy() {},
            onProgress() {},
            setMessageKey() {},
            getMessageId() {},
            onStopCopy(status) {
                if (status === 0) resolve(true);
                else reject(new Error(`the move failed: ${status}`));
            }
        };
        MailServices.copy.copyMessages(inbox(), [bySubject(subject)], special('Archive'), true, listener, null, false);
    });
}
