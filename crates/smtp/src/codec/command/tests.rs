use super::*;

fn lmtp(line: &[u8]) -> Result<Command, CommandError> {
    Command::parse(line, Dialect::Lmtp)
}

fn submission(line: &str) -> Result<Command, CommandError> {
    Command::parse(line.as_bytes(), Dialect::Submission)
}

fn rcpt(text: &str) -> Command {
    Command::Rcpt(RcptCommand {
        address: address(text),
        notify: Notify::default(),
        original: None,
    })
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn mail(line: &str) -> Result<MailCommand, CommandError> {
    match lmtp(line.as_bytes())? {
        Command::Mail(mail) => Ok(mail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn verbs_are_known_in_any_case() {
    for (line, command) in [
        ("data", Command::Data),
        ("RSET", Command::Rset),
        ("Quit", Command::Quit),
        ("NOOP whatever you like", Command::Noop),
        ("HELP me", Command::Help),
        ("vrfy alice", Command::Vrfy),
        ("STARTTLS", Command::StartTls),
        ("EHLO x", Command::Hello),
        ("HELO", Command::Hello),
        ("QUIT ", Command::Quit),
    ] {
        assert_eq!(lmtp(line.as_bytes()), Ok(command), "{line}");
    }
    for line in [
        "",
        " ",
        "DAT",
        "DATAX",
        "M\u{c4}IL",
        "GET / HTTP/1.1",
        "\0\0\0\0",
    ] {
        assert_eq!(lmtp(line.as_bytes()), Err(CommandError::Unknown), "{line}");
    }
    assert_eq!(lmtp(b"EXPN list"), Err(CommandError::NotImplemented));
    assert_eq!(lmtp(b"DATA now"), Err(CommandError::Syntax("DATA")));
}

#[test]
fn mail_takes_its_parameters() {
    assert_eq!(
        mail("MAIL FROM:<>"),
        Ok(MailCommand::default()),
        "the null path of a bounce"
    );
    assert_eq!(
        mail("mail from: <@relay.test,@b.test:a@c.test> size=1000 Body=8bitmime smtputf8"),
        Ok(MailCommand {
            sender: Some(address("a@c.test")),
            size: Some(1000),
            body: BodyType::EightBitMime,
            smtp_utf8: true,
            ..MailCommand::default()
        })
    );
    assert_eq!(
        mail("MAIL FROM:<\"a> b\"@c.test> BODY=7BIT").map(|mail| mail.sender),
        Ok(Some(address("\"a> b\"@c.test")))
    );
    for (line, error) in [
        ("MAIL", "MAIL FROM:<address> [parameters]"),
        ("MAIL TO:<a@b.test>", "MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:a@b.test", "MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.test>x", "MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<@a.test>", "MAIL FROM:<address> [parameters]"),
    ] {
        assert_eq!(mail(line), Err(CommandError::Syntax(error)), "{line}");
    }
    for (line, error) in [
        (
            "MAIL FROM:<a@b.test> SIZE=99999999999999999999",
            CommandError::ParameterValue("SIZE"),
        ),
        (
            "MAIL FROM:<a@b.test> SIZE=-1",
            CommandError::ParameterValue("SIZE"),
        ),
        (
            "MAIL FROM:<a@b.test> SIZE",
            CommandError::ParameterValue("SIZE"),
        ),
        (
            "MAIL FROM:<a@b.test> BODY=BINARYMIME",
            CommandError::ParameterValue("BODY"),
        ),
        (
            "MAIL FROM:<a@b.test> SMTPUTF8=YES",
            CommandError::ParameterValue("SMTPUTF8"),
        ),
        ("MAIL FROM:<a@b.test> RET=HDRS", CommandError::Parameter),
        ("MAIL FROM:<ä@b.test>", CommandError::NeedsSmtpUtf8),
        (
            "MAIL FROM:<a@b.test",
            CommandError::Sender(AddressError::Character),
        ),
        (
            "MAIL FROM:<a\rb@c.test>",
            CommandError::Sender(AddressError::Character),
        ),
    ] {
        assert_eq!(mail(line), Err(error), "{line}");
    }
    assert_eq!(
        lmtp(b"MAIL FROM:<\xff@b.test>"),
        Err(CommandError::Sender(AddressError::Character))
    );
}

#[test]
fn rcpt_takes_an_address_and_nothing_else() {
    assert_eq!(
        lmtp(b"RCPT TO:<alice@demo.test>"),
        Ok(rcpt("alice@demo.test"))
    );
    assert_eq!(lmtp(b"rcpt to:<Postmaster>"), Ok(rcpt("Postmaster")));
    assert_eq!(
        lmtp(b"RCPT TO:<>"),
        Err(CommandError::Recipient(AddressError::NoLocalPart))
    );
    assert_eq!(
        lmtp(b"RCPT TO:<a@b.test> NOTIFY=NEVER"),
        Err(CommandError::Parameter)
    );
}

#[test]
fn bdat_takes_a_size_that_fits() {
    let chunk = |size, last| Ok(Command::Bdat(Chunk { size, last }));
    assert_eq!(lmtp(b"BDAT 0"), chunk(0, false));
    assert_eq!(lmtp(b"bdat 86  last"), chunk(86, true));
    assert_eq!(lmtp(b"BDAT 18446744073709551615"), chunk(u64::MAX, false));
    for line in [
        "BDAT",
        "BDAT LAST",
        "BDAT 1x",
        "BDAT 1 FIRST",
        "BDAT -1",
        "BDAT 18446744073709551616",
        "BDAT 000000000000000000000",
    ] {
        assert_eq!(
            lmtp(line.as_bytes()),
            Err(CommandError::ChunkSize),
            "{line}"
        );
    }
}

#[test]
fn a_client_name_can_not_break_out_of_a_header() {
    for name in ["mail.demo.test", "[IPv6:::1]", "my_host", "localhost"] {
        let line = format!("LHLO {name}");
        assert_eq!(
            lmtp(line.as_bytes()),
            Ok(Command::Lhlo(ClientName(name.into())))
        );
    }
    for name in ["", "a b", "a)", "(a", "a;b", "a\r\nX: y", "\u{e4}"] {
        let line = format!("LHLO {name}");
        assert_eq!(
            lmtp(line.as_bytes()),
            Err(CommandError::Syntax("LHLO hostname")),
            "{name:?}"
        );
    }
    let long = format!("LHLO {}", "a".repeat(256));
    assert!(lmtp(long.as_bytes()).is_err());
}

#[test]
fn submission_has_hellos_and_sign_in_of_its_own() {
    assert!(matches!(
        submission("EHLO [127.0.0.1]"),
        Ok(Command::Ehlo(_))
    ));
    assert!(matches!(submission("helo client"), Ok(Command::Helo(_))));
    assert_eq!(submission("LHLO client"), Ok(Command::Hello));
    assert_eq!(
        submission("EHLO"),
        Err(CommandError::Syntax("EHLO hostname"))
    );
    let Ok(Command::Auth(auth)) = submission("auth PLAIN AGEAYg==") else {
        panic!("no AUTH");
    };
    assert_eq!(&*auth.mechanism, "PLAIN");
    assert_eq!(
        auth.initial.as_deref().map(|one| &one[..]),
        Some(&b"AGEAYg=="[..])
    );
    assert!(!format!("{auth:?}").contains("AGEA"));
    for line in [
        "AUTH",
        "AUTH PLAIN a b",
        &format!("AUTH {}", "X".repeat(21)),
    ] {
        assert!(
            matches!(submission(line), Err(CommandError::Syntax(_))),
            "{line}"
        );
    }
    assert_eq!(lmtp(b"AUTH PLAIN"), Err(CommandError::NotImplemented));
}

#[test]
fn the_parameters_of_delivery_notices() {
    let Ok(Command::Mail(mail)) =
        submission("MAIL FROM:<a@b.test> RET=hdrs ENVID=QQ+2B1 AUTH=<> SIZE=5")
    else {
        panic!("no MAIL");
    };
    assert_eq!((mail.ret, mail.size), (Some(Ret::Headers), Some(5)));
    assert_eq!(mail.envelope_id.as_deref(), Some("QQ+2B1"));
    let notify = |value: &str| match submission(&format!("RCPT TO:<a@b.test> NOTIFY={value}")) {
        Ok(Command::Rcpt(rcpt)) => Some(rcpt.notify),
        Ok(_) | Err(_) => None,
    };
    assert_eq!(notify("never"), Some(Notify::NEVER));
    let both = Notify {
        success: true,
        failure: true,
        delay: false,
    };
    assert_eq!(notify("SUCCESS,failure"), Some(both));
    for wrong in ["", "NEVER,SUCCESS", "OFTEN", "SUCCESS,,DELAY"] {
        assert_eq!(notify(wrong), None, "{wrong}");
    }
    let Ok(Command::Rcpt(rcpt)) = submission("RCPT TO:<a@b.test> ORCPT=rfc822;a+2Bx@b.test") else {
        panic!("no RCPT");
    };
    assert_eq!(rcpt.original.as_deref(), Some("rfc822;a+2Bx@b.test"));
    for line in [
        "MAIL FROM:<a@b.test> RET=SOME",
        "MAIL FROM:<a@b.test> ENVID=a+0",
        "MAIL FROM:<a@b.test> ENVID=a=b",
        "RCPT TO:<a@b.test> ORCPT=a@b.test",
        "RCPT TO:<a@b.test> ORCPT=;a",
    ] {
        assert!(
            matches!(submission(line), Err(CommandError::ParameterValue(_))),
            "{line}"
        );
    }
    let long = format!("MAIL FROM:<a@b.test> ENVID={}", "x".repeat(101));
    assert!(submission(&long).is_err());
    assert_eq!(
        submission("RCPT TO:<a@b.test> COLOUR=red"),
        Err(CommandError::Parameter)
    );
}
