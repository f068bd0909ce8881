//! HAProxy and nginx stand in front, as docs/front.md has it: mail programs reach every protocol through them, and the server knows where
//! each client is.
#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, fs, path::Path, process::Command};

use fieldpost_tests::{Daemon, Demo, programs};

/// The listeners that take the PROXY protocol: what is spoken, its name in curl and in the log, and the port above the demo's base.
const PROXIED: [(&str, &str, &str, u16); 4] = [
    ("imaps", "imaps", "imap", 701),
    ("pop3s", "pop3s", "pop3", 702),
    ("submissions", "smtps", "submission", 703),
    ("https", "https", "activesync", 704),
];
/// HTTP without TLS, and without the PROXY protocol.
const HTTP: u16 = 705;
/// Where the proxies' own ports begin: a hundred for each.
const PROXIES: u16 = 720;

/// A server whose listeners are for proxies.
struct Site {
    demo: Demo,
    server: Daemon,
    ca: String,
}

impl Site {
    fn open(home: &Path) -> Self {
        let directory = home.join("demo");
        let mut demo = Demo::start(&directory);
        // Its accounts, mail and certificates serve on under another configuration.
        demo.stop();
        let base = demo.port_base();
        let mut configuration = String::from(
            "[server]\nhostname = \"localhost\"\ndata_dir = \"data\"\n\
             [tls]\ncertificates = [{ cert = \"tls/server.crt\", key = \"tls/server.key\" }]\n\
             [http]\ntrusted_proxies = [\"127.0.0.1\"]\n",
        );
        for (protocol, _, _, port) in PROXIED {
            write!(
                configuration,
                "[[listener]]\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:{}\"\nproxy_protocol = [\"127.0.0.1\"]\n",
                base + port
            )
            .unwrap();
        }
        write!(
            configuration,
            "[[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:{}\"\n",
            base + HTTP
        )
        .unwrap();
        let file = directory.join("front.toml");
        fs::write(&file, configuration).unwrap();
        let mut serve = Command::new(programs::fieldpost());
        serve.arg("--config").arg(file).arg("serve");
        let server = Daemon::start("fieldpost", &mut serve, &[" ready "]);
        let ca = demo.facts["ca"].as_str().unwrap().to_owned();
        Self { demo, server, ca }
    }

    /// What curl, at `client`, gets from a proxy's port: the server must have it there, not at the proxy's address.
    fn signs_in(&self, url: &str, logged: &str, port: u16, client: &str) {
        let ((alice, password), (bob, _)) = (self.demo.account(0), self.demo.account(1));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--cacert", &self.ca])
            .args(["--interface", client])
            .args(["--user", &format!("{alice}:{password}")]);
        let base = format!("{url}://localhost:{port}/");
        match url {
            "smtps" => {
                let mail = self.demo.directory().join("mail");
                let text = format!("From: <{alice}>\r\nSubject: from {client}\r\n\r\nx\r\n");
                fs::write(&mail, text).unwrap();
                curl.args(["--mail-from", &alice, "--mail-rcpt", &bob, "--upload-file"])
                    .args([mail.to_str().unwrap(), &base]);
            }
            "https" => {
                let target = format!("{base}Microsoft-Server-ActiveSync");
                curl.args(["--request", "OPTIONS", "--include", &target]);
            }
            _ => {
                curl.arg(&base);
            }
        }
        let answer = programs::succeeded(&programs::run("curl", &mut curl));
        let expected = match url {
            "imaps" => "INBOX",
            "pop3s" => "1 ",
            "https" => "ms-asprotocolversions",
            _ => "",
        };
        assert!(answer.contains(expected), "{url}: {answer}");
        self.server.wait_for(&[
            "event=\"sign_in\" outcome=\"accepted\"",
            &format!("protocol=\"{logged}\""),
            &format!("peer={client} secure=true"),
        ]);
    }
}

/// HAProxy passes TLS through and says whose it is in either version; it ends TLS for ActiveSync; and it notices when the server is gone.
#[test]
fn haproxy_in_front() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path());
    let base = site.demo.port_base();
    let pem = home.path().join("site.pem");
    let tls = |name: &str| fs::read_to_string(site.demo.directory().join("tls").join(name));
    fs::write(
        &pem,
        tls("server.crt").unwrap() + &tls("server.key").unwrap(),
    )
    .unwrap();

    let mut configuration = String::from(
        "global\n  log stdout format raw local0 notice\ndefaults\n  log global\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  \
         timeout server 1m\n",
    );
    let versions = [
        ("send-proxy", "127.0.0.11"),
        ("send-proxy-v2", "127.0.0.12"),
    ];
    let mut ports = Vec::new();
    for (row, (send, client)) in versions.into_iter().enumerate() {
        for (column, (_, url, logged, server)) in PROXIED.into_iter().enumerate() {
            let port = base + PROXIES + u16::try_from(row * PROXIED.len() + column).unwrap();
            ports.push((url, logged, port, client));
            write!(
                configuration,
                "listen {url}-{send}\n  bind 127.0.0.1:{port}\n  option httpchk GET /healthz/ready\n  \
                 server mail 127.0.0.1:{} {send} check port {} inter 500ms fall 1\n",
                base + server,
                base + HTTP
            )
            .unwrap();
        }
    }
    let ended_here = base + PROXIES + 50;
    ports.push(("https", "activesync", ended_here, "127.0.0.13"));
    write!(
        configuration,
        "listen ended-here\n  mode http\n  bind 127.0.0.1:{ended_here} ssl crt {}\n  option forwardfor\n  \
         http-request set-header X-Forwarded-Proto https\n  option httpchk GET /healthz/ready\n  \
         server mail 127.0.0.1:{} check inter 500ms fall 1\n",
        pem.display(),
        base + HTTP
    )
    .unwrap();
    let file = home.path().join("haproxy.cfg");
    fs::write(&file, configuration).unwrap();
    let mut haproxy = Command::new("haproxy");
    haproxy.args(["-W", "-f"]).arg(file);
    // Its sockets are open before it makes its workers.
    let haproxy = Daemon::start("haproxy", &mut haproxy, &["Loading success"]);

    for (url, logged, port, client) in ports {
        site.signs_in(url, logged, port, client);
    }
    drop(site);
    haproxy.wait_for(&["imaps-send-proxy-v2", "has no server available"]);
}

/// nginx passes TLS through with the PROXY protocol, and ends it for ActiveSync.
#[test]
fn nginx_in_front() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path());
    let base = site.demo.port_base();
    let (room, tls) = (home.path().display(), site.demo.directory().join("tls"));
    let mut streams = String::new();
    let mut ports = Vec::new();
    for (column, (_, url, logged, server)) in PROXIED.into_iter().enumerate() {
        let port = base + PROXIES + u16::try_from(column).unwrap();
        ports.push((url, logged, port, "127.0.0.14"));
        writeln!(
            streams,
            "server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{}; proxy_protocol on; }}",
            base + server
        )
        .unwrap();
    }
    let ended_here = base + PROXIES + 50;
    ports.push(("https", "activesync", ended_here, "127.0.0.15"));
    let configuration = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {room}/nginx.pid;
error_log stderr notice;
events {{}}
stream {{
{streams}}}
http {{
    access_log off;
    client_body_temp_path {room}/body; proxy_temp_path {room}/proxy; fastcgi_temp_path {room}/fastcgi;
    uwsgi_temp_path {room}/uwsgi; scgi_temp_path {room}/scgi;
    server {{
        listen 127.0.0.1:{ended_here} ssl;
        ssl_certificate {tls}/server.crt;
        ssl_certificate_key {tls}/server.key;
        location / {{
            proxy_pass http://127.0.0.1:{http};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
",
        tls = tls.display(),
        http = base + HTTP
    );
    let file = home.path().join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(file).arg("-p").arg(home.path());
    // Its sockets are open before it makes its workers.
    let _nginx = Daemon::start(
        "nginx-light libnginx-mod-stream",
        &mut nginx,
        &["start worker process "],
    );

    for (url, logged, port, client) in ports {
        site.signs_in(url, logged, port, client);
    }
}
