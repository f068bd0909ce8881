//! What else lands in a mailbox: invoices, newsletters, lists, notices, friends.

use super::super::compose::{Attached, Draft};

pub const MAILS: &[Draft] = &[
    Draft {
        id: "list-1",
        from: ("Hannah Brandt", "hannah@tides.example"),
        to: &[("", "soundings@lists.example")],
        subject: "[soundings] Sound velocity in brackish water",
        minutes_ago: 21_500,
        headers: &[
            "List-Id: Soundings <soundings.lists.example>",
            "Precedence: list",
            "Sender: soundings-bounces@lists.example",
        ],
        text: "Hello list,\n\nwhich formula do you trust below 10 PSU? Mine gives 1447 m/s at 9 degrees, the probe says 1451.\n\n\
               Hannah\n_______________________________________________\nsoundings mailing list\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "list-2",
        answers: Some("list-1"),
        from: ("Per Nygaard", "per@fjordkart.example"),
        to: &[("", "soundings@lists.example")],
        subject: "Re: [soundings] Sound velocity in brackish water",
        minutes_ago: 21_300,
        headers: &[
            "List-Id: Soundings <soundings.lists.example>",
            "Precedence: list",
        ],
        text: "> which formula do you trust below 10 PSU?\n\nNone. Trust the probe, and lower it slowly.\n\nPer\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "list-3",
        answers: Some("list-2"),
        from: ("Hannah Brandt", "hannah@tides.example"),
        to: &[("", "soundings@lists.example")],
        subject: "Re: [soundings] Sound velocity in brackish water",
        minutes_ago: 21_100,
        headers: &[
            "List-Id: Soundings <soundings.lists.example>",
            "Precedence: list",
        ],
        text: "Lowered it slowly: 1449. I shall average, and never speak of it again.\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "list-4",
        answers: Some("list-2"),
        from: ("R. Castellanos", "rc@bathy.example"),
        to: &[("", "soundings@lists.example")],
        subject: "Re: [soundings] Sound velocity in brackish water",
        minutes_ago: 20_900,
        headers: &[
            "List-Id: Soundings <soundings.lists.example>",
            "Precedence: list",
        ],
        text: "A table of forty casts from our lagoon, 4 to 12 PSU, in case it is of use to anybody.\n",
        attached: &[Attached::Csv(
            "lagoon-casts.csv",
            "cast,temperature_c,salinity_psu,velocity_ms\n1,8.1,4.2,1440.1\n2,8.3,5.0,1441.9\n3,8.4,6.1,1443.6\n\
             4,8.9,7.4,1447.2\n5,9.0,9.1,1449.7\n6,9.4,11.8,1454.5\n",
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "news-1",
        from: ("Chandlery Weekly", "news@chandlery.example"),
        subject: "Ropes at half price, and how to whip an end",
        minutes_ago: 29_000,
        headers: &[
            "List-Unsubscribe: <https://chandlery.example/unsubscribe>",
            "Precedence: bulk",
        ],
        text: "This week: ropes at half price, three knots that hold in wet polyester, and a lamp that floats.\n\n\
               Read it in your browser: https://chandlery.example/weekly/12\n",
        html: Some(
            "<!DOCTYPE html><html><head><style>h1{color:#135}</style></head><body><h1>Ropes at half price</h1>\n\
             <p>This week: ropes at <b>half price</b>, three knots that hold in wet polyester, and a lamp that floats.</p>\n\
             <ul><li>Polyester braid, 10&nbsp;mm &mdash; &euro;0.95/m</li><li>Floating lamp &mdash; &euro;14</li></ul>\n\
             <p><a href=\"https://chandlery.example/weekly/12\">Read it in your browser</a></p></body></html>\n",
        ),
        ..Draft::PLAIN
    },
    Draft {
        id: "news-2",
        from: ("Chandlery Weekly", "news@chandlery.example"),
        subject: "Paint that stays on",
        minutes_ago: 18_920,
        headers: &[
            "List-Unsubscribe: <https://chandlery.example/unsubscribe>",
            "Precedence: bulk",
        ],
        text: "This week: antifouling compared, a sander on loan, and letters from readers.\n",
        html: Some(
            "<html><body><h1>Paint that stays on</h1><p>This week: antifouling compared, a sander on loan, and \
             <i>letters from readers</i>.</p></body></html>\n",
        ),
        ..Draft::PLAIN
    },
    Draft {
        id: "news-3",
        from: ("Chandlery Weekly", "news@chandlery.example"),
        subject: "The last of the winter covers",
        minutes_ago: 8_840,
        headers: &[
            "List-Unsubscribe: <https://chandlery.example/unsubscribe>",
            "Precedence: bulk",
        ],
        text: "This week: the last of the winter covers, and how to store one dry.\n",
        html: Some(
            "<html><body><h1>The last of the winter covers</h1><p>And how to store one dry.</p></body></html>\n",
        ),
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "invoice-1",
        from: ("Northern Power & Light", "billing@npl.example"),
        subject: "Your bill for the workshop",
        minutes_ago: 26_200,
        text: "Dear customer,\n\nyour bill is attached. We shall collect EUR 211.40 on the 28th.\n\nThis mail was made by a machine.\n",
        headers: &["Auto-Submitted: auto-generated"],
        attached: &[Attached::Pdf(
            "bill.pdf",
            &["Northern Power & Light", "", "1,204 kWh", "EUR 211.40"],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "invoice-2",
        from: ("Calibration Lab", "office@callab.example"),
        subject: "Invoice 2290 and certificate: multibeam head",
        minutes_ago: 24_300,
        text: "Dear Ms Lindqvist,\n\nthe head is back within its limits. Certificate and invoice are attached; the parcel left today.\n\n\
               Yours sincerely\nA. Weiss\n",
        attached: &[
            Attached::Pdf(
                "certificate.pdf",
                &[
                    "Certificate of calibration",
                    "Serial 30418",
                    "Roll offset 0.02 deg",
                    "Pitch offset -0.01 deg",
                ],
            ),
            Attached::Pdf(
                "invoice-2290.pdf",
                &[
                    "Invoice 2290",
                    "Calibration of a multibeam head",
                    "EUR 940.00",
                ],
            ),
        ],
        ..Draft::PLAIN
    },
    Draft {
        id: "notice-1",
        from: ("Backup", "root@nas.demo.test"),
        subject: "nas: backup finished, 0 errors",
        minutes_ago: 12_240,
        headers: &["Auto-Submitted: auto-generated"],
        text: "started   02:00:01\nfinished  02:41:17\nfiles     18,204 new, 211 changed\nbytes     41.2 GiB\nerrors    0\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "notice-2",
        from: ("Backup", "root@nas.demo.test"),
        subject: "nas: backup finished, 2 errors",
        minutes_ago: 2_160,
        headers: &[
            "Auto-Submitted: auto-generated",
            "Importance: high",
            "X-Priority: 1",
        ],
        text: "started   02:00:01\nfinished  02:44:52\nfiles     402 new, 96 changed\nbytes     3.1 GiB\nerrors    2\n\n\
               /survey/day4/raw/0007.all: input/output error\n/survey/day4/raw/0008.all: input/output error\n",
        seen: false,
        flagged: true,
        ..Draft::PLAIN
    },
    Draft {
        id: "notice-3",
        from: ("Parcel Service", "no-reply@parcels.example"),
        subject: "Your parcel arrives tomorrow between 10 and 12",
        minutes_ago: 23_800,
        headers: &["Auto-Submitted: auto-generated"],
        text: "Your parcel from Calibration Lab arrives tomorrow between 10 and 12.\n\nNumber: 0034 0418 9921\n",
        html: Some(
            "<html><body><p>Your parcel from <b>Calibration Lab</b> arrives tomorrow between <b>10 and 12</b>.</p>\
             <p>Number: 0034&nbsp;0418&nbsp;9921</p></body></html>\n",
        ),
        ..Draft::PLAIN
    },
    Draft {
        id: "away-1",
        answers: None,
        from: ("Sven Åkesson", "sven@kustbevakning.example.se"),
        subject: "Autosvar: Harbour survey, notice to mariners",
        minutes_ago: 17_990,
        charset: "iso-8859-15",
        headers: &[
            "Auto-Submitted: auto-replied",
            "X-Auto-Response-Suppress: All",
        ],
        text: "Hej,\n\njag är på semester till den 24:e och läser inte mejl. Brådskande ärenden: växeln.\n\nHälsningar\nSven Åkesson\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "friend-1",
        from: ("Grandma", "elsa.lindqvist@family.example"),
        subject: "Sunday",
        minutes_ago: 12_900,
        text: "Dear Alice,\n\nwill you come on Sunday? I make the cake with the plums. Bring the tall young man if he likes cake.\n\n\
               Your Grandma\n\nP.S. The computer works again. It was the plug.\n",
        flagged: true,
        ..Draft::PLAIN
    },
    Draft {
        id: "friend-2",
        answers: Some("friend-1"),
        from: ("Grandma", "elsa.lindqvist@family.example"),
        subject: "Re: Sunday",
        minutes_ago: 12_700,
        text: "Lovely. Half past two. I have told your brother that there will be no cake, so that some is left.\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "friend-3",
        from: ("Bob Okafor", "bob@demo.test"),
        subject: "The cake",
        minutes_ago: 10_600,
        text: "Please thank your grandmother. I have measured the piece she packed for me: 11 cm. Order 1a.\n",
        attached: &[Attached::Png(
            "cake.png",
            120,
            90,
            [[250, 240, 220], [150, 40, 80], [200, 160, 100]],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "club-1",
        from: ("Rowing Club", "office@rowing.example"),
        subject: "Boathouse key and summer timetable",
        minutes_ago: 5_100,
        text: "Hello members,\n\nthe lock of the boathouse was changed on Monday; keys are with the caretaker, against a \
               signature.\n\nThe summer timetable:\n\n  Mon  18:00  eights\n  Wed  06:30  singles, for the brave\n  \
               Sat  09:00  beginners\n\nSee you on the water\n",
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "long-1",
        from: ("Library", "reminders@library.example"),
        subject: "Two books are due on Friday",
        minutes_ago: 1_450,
        headers: &["Auto-Submitted: auto-generated"],
        text: "Due on Friday:\n\n  - The Tides, an Introduction\n  - A Short History of the Lead Line\n\nBoth can be kept for two \
               more weeks if nobody asks for them: reply to this mail with the word KEEP.\n",
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "last-1",
        from: ("Bob Okafor", "bob@demo.test"),
        subject: "Lunch?",
        minutes_ago: 25,
        text: "The place with the soup, in half an hour?\n",
        seen: false,
        ..Draft::PLAIN
    },
];
