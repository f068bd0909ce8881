//! Who the client is: `ID` (RFC 2971), `AUTHENTICATE` and `LOGIN` (RFC 9051 §6.2), `ENABLE` (§6.3.1), `COMPRESS` (RFC 4978).

use nom::{Parser, bytes::complete::take_while1};
use zeroize::Zeroizing;

use super::{
    Command, Veiled,
    grammar::{
        Parsed, Stop, astring, atom, close, expect, nil, nstring, open, opt_argument, spaces,
        string,
    },
    limit,
};

/// ```abnf
/// id =  "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)
/// ```
pub(super) fn id(input: &[u8]) -> Parsed<'_, Command> {
    if let Ok((rest, ())) = nil(input) {
        return Ok((rest, Command::Id(Vec::new())));
    }
    let (mut input, ()) = open(input)?;
    let mut pairs = Vec::new();
    loop {
        if let Ok((rest, ())) = close(input) {
            return Ok((rest, Command::Id(pairs)));
        }
        if pairs.len() == limit::LIST {
            return Err(nom::Err::Failure(Stop::TooMuch));
        }
        if !pairs.is_empty() {
            (input, ()) = spaces(input)?;
        }
        let (rest, field) = string(input)?;
        let (rest, ()) = spaces(rest)?;
        let (rest, value) = nstring(rest)?;
        let lossy = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        pairs.push((lossy(&field), value.map(|value| lossy(&value))));
        input = rest;
    }
}

/// ```abnf
/// authenticate =  "AUTHENTICATE" SP auth-type [SP initial-resp]
/// initial-resp =  (base64 / "=")
/// ```
pub(super) fn authenticate(input: &[u8]) -> Parsed<'_, Command> {
    let (input, mechanism) = expect("mechanism expected", atom)(input)?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let (input, initial) =
        opt_argument(expect("base64 expected", take_while1(is_base64))).parse(input)?;
    let authenticate = Command::Authenticate {
        mechanism: mechanism.to_owned(),
        initial: initial.map(veiled),
    };
    Ok((input, authenticate))
}

/// ```abnf
/// login =  "LOGIN" SP userid SP password
/// ```
pub(super) fn login(input: &[u8]) -> Parsed<'_, Command> {
    let (input, user) = expect("user name expected", astring)(input)?;
    let (input, ()) = spaces(input)?;
    let (input, password) = expect("password expected", astring)(input)?;
    // An owned copy (of a password with escapes) is wiped as well.
    let password = Veiled(Zeroizing::new(password.into_owned()));
    let login = Command::Login {
        user: user.into_owned(),
        password,
    };
    Ok((input, login))
}

/// ```abnf
/// enable =  "ENABLE" 1*(SP capability)
/// ```
pub(super) fn enable(input: &[u8]) -> Parsed<'_, Command> {
    let (mut input, first) = expect("capability expected", atom)(input)?;
    let mut capabilities = vec![first.to_ascii_uppercase()];
    loop {
        let (rest, next) = opt_argument(atom).parse(input)?;
        input = rest;
        match next {
            None => return Ok((input, Command::Enable(capabilities))),
            Some(_) if capabilities.len() == limit::LIST => {
                return Err(nom::Err::Failure(Stop::TooMuch));
            }
            Some(next) => capabilities.push(next.to_ascii_uppercase()),
        }
    }
}

/// ```abnf
/// compress =  "COMPRESS" SP atom
/// ```
pub(super) fn compress(input: &[u8]) -> Parsed<'_, Command> {
    let (input, algorithm) = expect("algorithm expected", atom)(input)?;
    Ok((input, Command::Compress(algorithm.to_ascii_uppercase())))
}

fn veiled(octets: &[u8]) -> Veiled {
    Veiled(Zeroizing::new(octets.to_vec()))
}
