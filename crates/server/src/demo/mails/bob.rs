//! Bob's mails: fewer, so that there is a mailbox to compare with.

use super::super::compose::{Attached, Draft};

const ALICE: (&str, &str) = ("Alice Lindqvist", "alice@demo.test");
const TO_BOB: &[(&str, &str)] = &[("Bob Okafor", "bob@demo.test")];

pub const MAILS: &[Draft] = &[
    Draft {
        id: "to-bob-1",
        from: ALICE,
        to: TO_BOB,
        subject: "The offer for the port authority",
        minutes_ago: 29_900,
        text: "I wrote it last night: 18,400, eight days. Have a look before I send it?\n\nAlice\n",
        attached: &[Attached::Pdf(
            "offer.pdf",
            &[
                "Offer: survey of the inner harbour",
                "Eight days at sea, five on land",
                "EUR 18,400.00 (net)",
            ],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "to-bob-2",
        from: ALICE,
        to: TO_BOB,
        subject: "Re: Lunch?",
        minutes_ago: 20,
        text: "Yes! Take an umbrella.\n",
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "to-bob-3",
        from: ("Inès Marchand", "ines@demo.test"),
        to: TO_BOB,
        cc: &[ALICE],
        subject: "Blue box",
        minutes_ago: 11_000,
        text: "Where is the blue box? The disk in it is the only copy of day 4, déjà vu.\n\nInès\n",
        flagged: true,
        ..Draft::PLAIN
    },
    Draft {
        id: "to-bob-4",
        from: ("Tomás Ferreira", "tomas@ferreira-boats.example"),
        to: TO_BOB,
        subject: "You left your coffee",
        minutes_ago: 9_900,
        text: "It is safe. It is also finished.\n\nTomás\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "to-bob-5",
        from: ("Chinedu Okafor", "chinedu@family.example"),
        to: TO_BOB,
        subject: "Mama's birthday",
        minutes_ago: 3_000,
        zone: 60,
        text: "Brother,\n\nthe 9th, at hers, everybody. Please do not bring a depth sounder again.\n\nChinedu\n",
        seen: false,
        ..Draft::PLAIN
    },
];
