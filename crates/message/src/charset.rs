//! Text of any charset to UTF-8. Never fails: an unknown or lying charset gives the best guess.

mod code_page;
mod utf7;

use std::borrow::Cow;

use encoding_rs::{CoderResult, Encoding, UTF_8, WINDOWS_1252};

/// A charset that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charset {
    /// Not named, or US-ASCII, or a name nobody knows: UTF-8 where the bytes are that, else windows-1252.
    Guess,
    /// One that encoding_rs knows.
    Known(&'static Encoding),
    /// UTF-7 (RFC 2152).
    Utf7,
    /// IBM code page 437.
    Ibm437,
    /// IBM code page 850.
    Ibm850,
}

impl Charset {
    /// The charset of that name, as mail writes names: WHATWG labels, and those of old mail programs.
    pub fn named(name: &str) -> Self {
        let name = name.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\''));
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            // WHATWG reads us-ascii as windows-1252; mail labels UTF-8 as us-ascii too often for that.
            "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "ansi_x3.4-1986" | "iso646-us"
            | "iso_646.irv:1991" | "us" | "unknown" | "unknown-8bit" | "x-unknown" | "default"
            | "x-user-defined" | "none" => return Self::Guess,
            "utf-7" | "utf7" | "unicode-1-1-utf-7" | "csunicode11utf7" | "x-unicode-2-0-utf-7" => {
                return Self::Utf7;
            }
            "cp437" | "ibm437" | "437" | "cspc8codepage437" => return Self::Ibm437,
            "cp850" | "ibm850" | "850" | "cspc850multilingual" => return Self::Ibm850,
            _ => {}
        }
        if let Some(encoding) = Encoding::for_label(lower.as_bytes()) {
            // `replacement` would turn the whole text into one U+FFFD: the ASCII in it is worth more.
            return if encoding == encoding_rs::REPLACEMENT {
                Self::Guess
            } else {
                Self::Known(encoding)
            };
        }
        ALIASES
            .iter()
            .find(|(alias, _)| *alias == lower)
            .and_then(|(_, label)| Encoding::for_label(label.as_bytes()))
            .or_else(|| numbered_alias(&lower))
            .map_or(Self::Guess, Self::Known)
    }

    /// Text of the whole of `bytes`; what is not in the charset becomes U+FFFD.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Guess => guess(bytes),
            Self::Known(encoding) => encoding.decode(bytes).0,
            Self::Utf7 => utf7::decode(bytes).into(),
            Self::Ibm437 => code_page::decode(bytes, code_page::IBM437).into(),
            Self::Ibm850 => code_page::decode(bytes, code_page::IBM850).into(),
        }
    }
}

/// Decodes a stream piece by piece. [`Charset::Guess`] takes UTF-8 until bytes that are not UTF-8 show up, and windows-1252 from there.
pub struct Decoder {
    state: State,
}

enum State {
    Guess { held: Vec<u8> },
    Known(Box<encoding_rs::Decoder>),
    Utf7(utf7::Decoder),
    CodePage(&'static [char; 128]),
}

impl Decoder {
    /// A decoder for one text. A byte order mark at its start is taken off, and believed before `charset`.
    pub fn new(charset: Charset) -> Self {
        let state = match charset {
            Charset::Guess => State::Guess { held: Vec::new() },
            Charset::Known(encoding) => State::Known(Box::new(encoding.new_decoder())),
            Charset::Utf7 => State::Utf7(utf7::Decoder::default()),
            Charset::Ibm437 => State::CodePage(code_page::IBM437),
            Charset::Ibm850 => State::CodePage(code_page::IBM850),
        };
        Self { state }
    }

    /// Decodes `input` and appends to `out`; `last` ends the text.
    pub fn push(&mut self, input: &[u8], last: bool, out: &mut String) {
        match &mut self.state {
            State::Guess { held } => {
                let joined;
                let bytes = if held.is_empty() {
                    input
                } else {
                    joined = [held.as_slice(), input].concat();
                    held.clear();
                    &joined
                };
                let rest = match str::from_utf8(bytes) {
                    Ok(text) => {
                        out.push_str(text);
                        return;
                    }
                    Err(error) => {
                        let (valid, rest) = bytes.split_at(error.valid_up_to());
                        out.push_str(str::from_utf8(valid).unwrap_or_default());
                        if error.error_len().is_none() && !last {
                            held.extend_from_slice(rest);
                            return;
                        }
                        rest
                    }
                };
                let mut decoder = WINDOWS_1252.new_decoder_without_bom_handling();
                known(&mut decoder, rest, last, out);
                self.state = State::Known(Box::new(decoder));
            }
            State::Known(decoder) => known(decoder, input, last, out),
            State::Utf7(decoder) => decoder.push(input, last, out),
            State::CodePage(table) => out.push_str(&code_page::decode(input, table)),
        }
    }
}

/// Text of a header value with bytes that RFC 5322 does not allow: UTF-8 where it is that (RFC 6532), else windows-1252.
/// NUL, CR and LF are taken out.
pub fn header_text(bytes: &[u8]) -> String {
    let mut text = guess(bytes).into_owned();
    if bytes.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        text.retain(|c| !matches!(c, '\0' | '\r' | '\n'));
    }
    text
}

fn guess(bytes: &[u8]) -> Cow<'_, str> {
    let (text, _) = match str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), UTF_8),
        Err(_) => (
            WINDOWS_1252.decode_without_bom_handling(bytes).0,
            WINDOWS_1252,
        ),
    };
    text
}

fn known(decoder: &mut encoding_rs::Decoder, mut input: &[u8], last: bool, out: &mut String) {
    loop {
        out.reserve(input.len() + 16);
        let (result, read, _) = decoder.decode_to_string(input, out, last);
        input = &input[read..];
        if result == CoderResult::InputEmpty {
            return;
        }
    }
}

/// `cp1252`, `windows1252`, `iso8859_15` and the like.
fn numbered_alias(lower: &str) -> Option<&'static Encoding> {
    let label = if let Some(number) = lower
        .strip_prefix("cp")
        .or_else(|| lower.strip_prefix("ms"))
        .or_else(|| lower.strip_prefix("windows"))
        .or_else(|| lower.strip_prefix("x-cp"))
        .or_else(|| lower.strip_prefix("ibm"))
    {
        format!("windows-{}", number.trim_start_matches(['-', '_']))
    } else {
        let number = lower
            .strip_prefix("iso")
            .unwrap_or(lower)
            .trim_start_matches(['-', '_'])
            .strip_prefix("8859")?;
        format!("iso-8859-{}", number.trim_start_matches(['-', '_']))
    };
    Encoding::for_label(label.as_bytes())
}

/// Names that mail carries and WHATWG does not list.
const ALIASES: &[(&str, &str)] = &[
    ("cp932", "shift_jis"),
    ("x-sjis-jisx0213", "shift_jis"),
    ("shift-jisx0213", "shift_jis"),
    ("shift_jis-2004", "shift_jis"),
    ("windows-932", "shift_jis"),
    ("iso-2022-jp-1", "iso-2022-jp"),
    ("iso-2022-jp-2", "iso-2022-jp"),
    ("iso-2022-jp-3", "iso-2022-jp"),
    ("iso-2022-jp-2004", "iso-2022-jp"),
    ("iso-2022-jp-ms", "iso-2022-jp"),
    ("cp50220", "iso-2022-jp"),
    ("cp50221", "iso-2022-jp"),
    ("cp50222", "iso-2022-jp"),
    ("eucjp", "euc-jp"),
    ("eucjp-win", "euc-jp"),
    ("cp51932", "euc-jp"),
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("windows-936", "gbk"),
    ("euc-cn", "gbk"),
    ("euccn", "gbk"),
    ("gb2312-80", "gbk"),
    ("gb18030-2000", "gb18030"),
    ("cp54936", "gb18030"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("euckr", "euc-kr"),
    ("ks_c_5601", "euc-kr"),
    ("cp950", "big5"),
    ("ms950", "big5"),
    ("big5-eten", "big5"),
    ("big5hkscs", "big5-hkscs"),
    ("euc-tw", "big5"),
    ("tis620", "windows-874"),
    ("cp874", "windows-874"),
    ("iso-8859-8-e", "iso-8859-8"),
    ("cp866nav", "ibm866"),
    ("koi8ru", "koi8-u"),
    ("macroman", "macintosh"),
    ("mac-roman", "macintosh"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("latin-1", "windows-1252"),
    ("latin-2", "iso-8859-2"),
    ("latin9", "iso-8859-15"),
    ("latin-9", "iso-8859-15"),
    ("ansi", "windows-1252"),
    ("western", "windows-1252"),
    ("utf_8", "utf-8"),
    ("utf-8-mac", "utf-8"),
    ("utf8mb4", "utf-8"),
    ("cp65001", "utf-8"),
    ("utf-16-le", "utf-16le"),
    ("utf-16-be", "utf-16be"),
    ("ucs-2", "utf-16le"),
    ("ucs2", "utf-16le"),
    ("unicode", "utf-16le"),
];

#[cfg(test)]
mod tests;
