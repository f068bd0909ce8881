//! Counts how many hosts a message has been through, as its header passes by (RFC 5321 §6.3).

/// Counts the `Received` fields of a header that comes in pieces. Stops looking at the end of the header.
#[derive(Clone, Copy, Debug)]
pub struct HopCounter {
    state: State,
    hops: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At a line's start, so many bytes of `Received:` seen.
    Name(usize),
    /// Within a line; `blank` is a line of which nothing but CR was seen.
    Line { blank: bool },
    /// Behind the empty line.
    Body,
}

const NAME: &[u8] = b"received:";

impl HopCounter {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            state: State::Name(0),
            hops: 0,
        }
    }

    /// Looks at the next piece of the message.
    pub fn push(&mut self, piece: &[u8]) {
        let mut at = 0;
        while at < piece.len() {
            let byte = piece[at];
            match self.state {
                State::Body => return,
                State::Name(matched) if byte.to_ascii_lowercase() == NAME[matched] => {
                    at += 1;
                    self.state = if matched + 1 == NAME.len() {
                        self.hops += 1;
                        State::Line { blank: false }
                    } else {
                        State::Name(matched + 1)
                    };
                }
                State::Name(0) if byte == b'\r' => {
                    at += 1;
                    self.state = State::Line { blank: true };
                }
                State::Name(0) if byte == b'\n' => self.state = State::Body,
                State::Name(_) => self.state = State::Line { blank: false },
                State::Line { blank: true } => {
                    self.state = if byte == b'\n' {
                        State::Body
                    } else {
                        State::Line { blank: false }
                    };
                }
                State::Line { blank: false } => match memchr::memchr(b'\n', &piece[at..]) {
                    None => return,
                    Some(end) => {
                        at += end + 1;
                        self.state = State::Name(0);
                    }
                },
            }
        }
    }

    /// The `Received` fields seen.
    pub fn hops(&self) -> usize {
        self.hops
    }
}

impl Default for HopCounter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"Received: from a\r\n by b\r\nRECEIVED:x\r\nX-Received: no\r\nReceived-SPF: no\r\n\
        Recei\r\nreceived: \r\n\r\nReceived: in the body\r\n";

    #[test]
    fn counts_the_fields_of_the_header_only_however_it_is_cut() {
        for size in 1..MESSAGE.len() {
            let mut counter = HopCounter::new();
            MESSAGE.chunks(size).for_each(|piece| counter.push(piece));
            assert_eq!(counter.hops(), 3, "pieces of {size}");
        }
    }

    #[test]
    fn a_message_without_a_header_has_no_hops() {
        let mut counter = HopCounter::new();
        counter.push(b"\r\nReceived: x\r\n");
        assert_eq!(counter.hops(), 0);
    }
}
