//! The harbour survey: the work of the company, mostly threads.

use super::super::compose::{Attached, Draft};

const BOB: (&str, &str) = ("Bob Okafor", "bob@demo.test");
const MIRA: (&str, &str) = ("Mira Halonen", "mira.halonen@portauthority.example");
const TOMAS: (&str, &str) = ("Tomás Ferreira", "tomas@ferreira-boats.example");
const INES: (&str, &str) = ("Inès Marchand", "ines@demo.test");
const ALICE: (&str, &str) = ("Alice Lindqvist", "alice@demo.test");

pub const MAILS: &[Draft] = &[
    Draft {
        id: "harbour-1",
        from: MIRA,
        to: &[ALICE],
        cc: &[BOB],
        subject: "Survey of the inner harbour: can you start this month?",
        minutes_ago: 30_100,
        text: "Dear Alice,\n\nafter last winter's storms the depths on our chart of the inner harbour cannot be\n\
               relied on any more. The dredging contract needs new soundings, at best before the\nferries change to \
               their summer timetable.\n\nThe area is the same as in 2021: basins 2 to 5 and the approach, about 1.4 km2.\n\
               Could you send us an offer, and tell us how soon a boat could be here?\n\nKind regards\nMira Halonen\n\
               Harbour engineer\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-2",
        answers: Some("harbour-1"),
        from: BOB,
        to: &[ALICE],
        subject: "Re: Survey of the inner harbour: can you start this month?",
        minutes_ago: 30_020,
        text: "I would love to. Tom\u{e1}s has the small boat free from the 12th, the multibeam is back from\n\
               calibration, and I have nothing that cannot wait.\n\nShall I write the offer, or do you?\n\nBob\n\n\
               > Could you send us an offer, and tell us how soon a boat could be here?\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-3",
        answers: Some("harbour-1"),
        from: MIRA,
        to: &[ALICE],
        subject: "Re: Survey of the inner harbour: can you start this month?",
        minutes_ago: 28_500,
        text: "Thank you, Alice, that was quick. The price is fine and within what the board has allowed.\n\n\
               I attach the purchase order and the layout of the basins. Please note the new pontoon\nin basin 4: it \
               is not on the 2021 chart.\n\nMira\n",
        attached: &[
            Attached::Pdf(
                "purchase-order-4471.pdf",
                &[
                    "Port Authority - Purchase order 4471",
                    "",
                    "Hydrographic survey, basins 2 to 5 and approach",
                    "Multibeam, 100 % coverage, IHO order 1a",
                    "Deliverables: chart, point cloud, report",
                    "",
                    "Total: EUR 18,400.00 (net)",
                    "Please name the number of this order on your invoice.",
                ],
            ),
            Attached::Png(
                "basins.png",
                320,
                240,
                [[30, 60, 120], [60, 120, 180], [200, 190, 150]],
            ),
        ],
        flagged: true,
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-4",
        from: TOMAS,
        to: &[ALICE, BOB],
        subject: "Boat, fuel, and a new propeller",
        minutes_ago: 27_300,
        zone: 60,
        text: "Ol\u{e1},\n\nthe boat is yours from the 12th to the 20th. I changed the propeller; she is quieter now, which\n\
               should please your sonar. Fuel is in the price up to 400 litres.\n\nBring your own coffee this time.\n\n\
               Tom\u{e1}s\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-5",
        answers: Some("harbour-4"),
        from: BOB,
        to: &[ALICE],
        cc: &[TOMAS],
        subject: "Re: Boat, fuel, and a new propeller",
        minutes_ago: 27_240,
        text: "Perfect. I bring the coffee and the moon pool plate. Alice, can you ask INES whether the tide\n\
               gauge at the lock still answers? Last time we had two days without corrections.\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-6",
        answers: Some("harbour-5"),
        from: INES,
        to: &[ALICE, BOB],
        subject: "Re: Boat, fuel, and a new propeller",
        minutes_ago: 26_900,
        text: "It answers, every six minutes, and I have put a second logger beside it, \u{e0} toute fin utile.\n\nIn\u{e8}s\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-7",
        from: BOB,
        subject: "Day 1: basins 2 and 3 done",
        minutes_ago: 18_700,
        text: "Calm water, no traffic before nine. Two thirds of basin 3 twice, because of the dolphins (the\n\
               wooden ones). Sound velocity profile every two hours, all in the log.\n\nRaw data is on the disk in \
               the blue box; the track is attached.\n\nBob\n",
        attached: &[Attached::Csv(
            "track-day-1.csv",
            "time,line,heading,depth_m,quality\n06:10,1,042,7.91,ok\n06:18,2,222,7.88,ok\n06:27,3,042,8.02,ok\n\
             06:35,4,222,8.10,ok\n06:44,5,042,5.42,recheck\n06:52,6,222,8.15,ok\n07:01,7,042,8.21,ok\n",
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-8",
        answers: Some("harbour-7"),
        from: INES,
        subject: "Re: Day 1: basins 2 and 3 done",
        cc: &[BOB],
        minutes_ago: 18_610,
        text: "Line 5 shows something at 5.4 m where the chart says 8. A container? A car? I looked twice, it\n\
               is not noise.\n\nIn\u{e8}s\n",
        flagged: true,
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-9",
        answers: Some("harbour-8"),
        from: BOB,
        subject: "Re: Day 1: basins 2 and 3 done",
        cc: &[INES],
        minutes_ago: 18_500,
        text: "Went over it again with the beam at 30 degrees. It has wheels.\n\nI told the harbour master. He \
               asked which colour.\n",
        attached: &[Attached::Png(
            "it-has-wheels.png",
            240,
            180,
            [[10, 20, 40], [90, 90, 60], [20, 30, 50]],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-10",
        answers: Some("harbour-9"),
        from: MIRA,
        to: &[ALICE, BOB, INES],
        subject: "Re: Day 1: basins 2 and 3 done",
        minutes_ago: 17_100,
        text: "The police are very interested in your car. Please keep well away from it on Thursday: divers.\n\n\
               For the record it is a white van, reported stolen in March.\n\nMira\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-11",
        from: INES,
        subject: "First chart of basins 2 to 4",
        minutes_ago: 11_600,
        text: "The first chart is attached as a picture, the numbers in the table. Basin 4 lacks a strip beside\n\
               the pontoon, 3 m wide; there is no way to get the boat in there.\n\nWhat do you think of the colours?\n",
        html: Some(
            "<html><body style=\"font-family: sans-serif\"><p>The first chart is below, the numbers in the table. \
             <b>Basin 4</b> lacks a strip beside the pontoon, 3&nbsp;m wide; there is no way to get the boat in there.</p>\n\
             <p><img src=\"cid:chart-1@demo.test\" width=\"320\" height=\"200\" alt=\"chart\"></p>\n\
             <table border=\"1\" cellpadding=\"4\"><tr><th>basin</th><th>least depth</th><th>covered</th></tr>\n\
             <tr><td>2</td><td>7.6 m</td><td>100 %</td></tr><tr><td>3</td><td>5.4 m</td><td>100 %</td></tr>\n\
             <tr><td>4</td><td>6.9 m</td><td>98 %</td></tr></table>\n<p>What do you think of the colours?</p></body></html>\n",
        ),
        attached: &[Attached::Inline(
            "chart-1@demo.test",
            320,
            200,
            [[200, 220, 240], [120, 170, 220], [40, 90, 160]],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-12",
        answers: Some("harbour-11"),
        from: BOB,
        subject: "Re: First chart of basins 2 to 4",
        cc: &[INES],
        minutes_ago: 11_480,
        text: "Darker for deeper, please: half the pilots print it in grey.\n\nThe strip beside the pontoon: a lead \
               line from the pontoon itself. I have done worse.\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-13",
        answers: Some("harbour-12"),
        from: INES,
        subject: "Re: First chart of basins 2 to 4",
        cc: &[BOB],
        minutes_ago: 10_020,
        text: "Darker it is. Third version attached, with Bob's fourteen hand soundings in red.\n",
        attached: &[
            Attached::Png(
                "chart-v3.png",
                400,
                300,
                [[220, 230, 240], [110, 140, 190], [20, 40, 110]],
            ),
            Attached::Csv(
                "hand-soundings.csv",
                "n,x_m,y_m,depth_m\n1,0.0,0.5,6.92\n2,0.0,5.5,6.95\n3,0.1,10.5,7.01\n4,0.1,15.5,7.04\n5,0.2,20.5,6.98\n",
            ),
        ],
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-14",
        from: MIRA,
        to: &[ALICE],
        cc: &[BOB, INES],
        subject: "Invitation: presentation of the survey to the board",
        minutes_ago: 4_300,
        text: "Dear all,\n\nthe board would like to see the results. Half an hour, ten pictures, no decibels please.\n\n\
               Room 3.12, coffee is provided. The entry for your calendars is attached.\n\nMira\n",
        attached: &[Attached::Calendar(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Port Authority//Calendar 4//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n\
             UID:board-4471@portauthority.example\nDTSTAMP:20260401T080000Z\nDTSTART:20270412T120000Z\n\
             DTEND:20270412T123000Z\nSUMMARY:Presentation of the harbour survey\nLOCATION:Room 3.12\n\
             ORGANIZER;CN=Mira Halonen:mailto:mira.halonen@portauthority.example\n\
             ATTENDEE;CN=Alice Lindqvist;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:alice@demo.test\nEND:VEVENT\nEND:VCALENDAR\n",
        )],
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-15",
        answers: Some("harbour-14"),
        from: BOB,
        subject: "Re: Invitation: presentation of the survey to the board",
        minutes_ago: 4_200,
        text: "Ten pictures, and the van is picture one. Will you speak, or shall I?\n",
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "harbour-16",
        from: INES,
        subject: "Fwd: Survey of the inner harbour: can you start this month?",
        minutes_ago: 2_900,
        text: "For the invoice: the first mail of all, with the area as they asked for it. 1.4 km2, and we did 1.52.\n",
        attached: &[Attached::Mail("harbour-1")],
        seen: false,
        ..Draft::PLAIN
    },
];
