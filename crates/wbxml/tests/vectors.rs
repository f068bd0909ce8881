//! Messages as XML and as bytes: each decodes to the one, encodes to the other and is valid.
#![allow(clippy::unwrap_used)]

mod messages;

use fieldpost_wbxml::{
    Command, Element, Limits, Version,
    schema::{Direction, Mode, validate_in},
};
use messages::{OWN, Row, from_hexadecimal};

#[test]
fn our_own() {
    let faults: Vec<_> = OWN.into_iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn those_of_the_shared_collection() {
    let Some(table) = messages::shared() else {
        return;
    };
    let rows = messages::rows(&table);
    assert!(rows.len() >= 59);
    let faults: Vec<_> = rows.into_iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What is wrong with that message; nothing, it is to be hoped.
fn faults([name, command, direction, version, xml, hex]: Row<'_>) -> Vec<String> {
    let bytes = from_hexadecimal(hex);
    let element = Element::parse(&bytes, Limits::default()).unwrap();
    let mut faults = Vec::new();
    if element.to_xml(|_| false) != xml {
        faults.push(format!("decodes to {}", element.to_xml(|_| false)));
    }
    if element.to_wbxml() != bytes {
        faults.push(format!("encodes to {:02x?}", element.to_wbxml()));
    }
    let command = Command::from_name(command).unwrap();
    let version = Version::parse(version).unwrap();
    let direction_of = match direction {
        "request" => Direction::Request,
        _ => Direction::Response,
    };
    for mode in [Mode::Strict, Mode::Lenient] {
        if let Err(violation) = validate_in(mode, &element, command, direction_of, version) {
            faults.push(format!("{mode:?}: {violation}"));
        }
    }
    for fault in &mut faults {
        *fault = format!("{name}, {direction} of {version}: {fault}");
    }
    faults
}
