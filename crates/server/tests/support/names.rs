//! A DNS server that knows what it is told, over UDP (RFC 1035 §4).

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
};

/// Its records: name, type, and what they say, as it goes over the wire.
type Records = Vec<(String, u16, Vec<u8>)>;

/// A running one; its thread ends with the process.
pub struct Names {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
}

impl Names {
    /// Starts one that knows nothing.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (address, records) = (
            socket.local_addr().unwrap(),
            Arc::<Mutex<Records>>::default(),
        );
        let known = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut question = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let answer = answer(&question[..length], &known.lock().unwrap());
                drop(socket.send_to(&answer, from));
            }
        });
        Self { address, records }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Takes lines of a zone file: MX, TXT, CNAME, SRV, CAA, A.
    pub fn add(&self, line: &str) {
        let mut words = line.splitn(4, ' ');
        let name = words.next().unwrap().trim_end_matches('.').to_lowercase();
        assert_eq!(words.next(), Some("IN"), "{line}");
        let (kind, data) = (words.next().unwrap(), words.next().unwrap());
        let parts: Vec<&str> = data.split(' ').collect();
        let number = |text: &str| text.parse::<u16>().unwrap().to_be_bytes();
        let text = |text: &str| text.trim_matches('"').as_bytes().to_vec();
        let (kind, data) = match kind {
            "A" => (1, data.parse::<Ipv4Addr>().unwrap().octets().to_vec()),
            "CNAME" => (5, wire(data)),
            "MX" => (15, [&number(parts[0])[..], &wire(parts[1])].concat()),
            "TXT" => {
                let strings = data.split("\" \"").map(text);
                let strings = strings.flat_map(|one| [&[one.len() as u8], &one[..]].concat());
                (16, strings.collect())
            }
            "SRV" => {
                let numbers = parts[..3].iter().flat_map(|part| number(part));
                (33, numbers.chain(wire(parts[3])).collect())
            }
            "CAA" => {
                let (tag, value) = (parts[1].as_bytes(), text(parts[2]));
                (257, [&[0, tag.len() as u8], tag, &value[..]].concat())
            }
            _ => panic!("{line}"),
        };
        self.records.lock().unwrap().push((name, kind, data));
    }

    /// Forgets what stands at a name.
    pub fn forget(&self, name: &str) {
        self.records
            .lock()
            .unwrap()
            .retain(|record| record.0 != name);
    }
}

/// A name as it goes over the wire.
fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    wire.push(0);
    wire
}

fn answer(asked: &[u8], records: &Records) -> Vec<u8> {
    let (mut at, mut name) = (12, Vec::new());
    while asked[at] != 0 {
        let length = usize::from(asked[at]);
        name.push(String::from_utf8_lossy(&asked[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let (name, end) = (name.join("."), at + 5);
    let kind = u16::from_be_bytes([asked[at + 1], asked[at + 2]]);
    let found: Vec<_> = records
        .iter()
        .filter(|record| record.0 == name && record.1 == kind)
        .collect();
    // Its id; a response, recursion wanted and had; one question, so many answers.
    let mut answer = vec![asked[0], asked[1], 0x81, 0x80, 0, 1];
    answer.extend((found.len() as u16).to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(&asked[12..end]);
    for (_, kind, data) in found {
        // The name asked for, class IN, a minute.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    answer
}
