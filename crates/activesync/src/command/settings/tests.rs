//! Each property, alone and in company.

use super::*;
use crate::testing::{Asking, Fixture, ask, within};

fn settings(write: impl FnOnce(&mut Encoder)) -> Asking {
    ask("Settings").document(|out| within(out, s::SETTINGS, write))
}

async fn xml(fixture: &Fixture, asking: Asking) -> String {
    asking.of(fixture).await.xml().replace("settings:", "")
}

/// MS-ASCMD_R474, R1507, R3110, R3179, R3437, R4392.
#[tokio::test]
async fn a_device_tells_of_itself_and_takes_it_back() {
    let fixture = Fixture::new().await;
    let tell = |model: &'static str| {
        settings(move |out| {
            within(out, s::DEVICE_INFORMATION, |out| {
                within(out, s::SET, |out| {
                    out.text(s::OS, "iOS\u{7}18");
                    out.text(s::MODEL, model);
                    out.text(s::FRIENDLY_NAME, &"\u{e4}".repeat(1024));
                });
            });
        })
    };
    let answer = xml(&fixture, tell("Model 1")).await;
    assert_eq!(
        answer,
        "<Settings><Status>1</Status><DeviceInformation><Status>1</Status></DeviceInformation></Settings>"
    );
    let about = fixture.device("d1").await.unwrap().about;
    assert_eq!(
        (about.model.as_str(), about.os.as_str()),
        ("Model 1", "iOS18")
    );
    assert_eq!(about.friendly_name, "\u{e4}".repeat(48), "kept shortened");
    xml(&fixture, tell("")).await;
    let about = fixture.device("d1").await.unwrap().about;
    assert_eq!((about.model.as_str(), about.os.as_str()), ("", "iOS18"));
    let wrong = settings(|out| out.empty(s::DEVICE_INFORMATION));
    assert!(
        xml(&fixture, wrong)
            .await
            .contains("<DeviceInformation><Status>2<")
    );
}

/// MS-ASCMD_R1000, R1023, R1025, R1595.
#[tokio::test]
async fn a_user_is_told_his_addresses() {
    let fixture = Fixture::new().await;
    let ask_for = |version| {
        let mut asking = settings(|out| {
            within(out, s::USER_INFORMATION, |out| out.empty(s::GET));
        });
        asking.user = "bob";
        asking
            .query("Cmd=Settings&User=bob&DeviceId=d1&DeviceType=t")
            .version(version)
    };
    let addresses =
        "<SMTPAddress>bob@demo.test</SMTPAddress><SMTPAddress>robert@demo.test</SMTPAddress>";
    for version in ["12.1", "14.0"] {
        assert_eq!(
            xml(&fixture, ask_for(version)).await,
            format!(
                "<Settings><Status>1</Status><UserInformation><Status>1</Status><Get><EmailAddresses>{addresses}</EmailAddresses></Get></UserInformation></Settings>"
            )
        );
    }
    assert_eq!(
        xml(&fixture, ask_for("14.1")).await,
        format!(
            "<Settings><Status>1</Status><UserInformation><Status>1</Status><Get><Accounts><Account><UserDisplayName>Bob Brown</UserDisplayName>\
            <EmailAddresses>{addresses}<PrimarySmtpAddress>bob@demo.test</PrimarySmtpAddress></EmailAddresses></Account></Accounts></Get></UserInformation></Settings>"
        )
    );
}

/// MS-ASCMD_R4400, R4402, R3660, MS-ASCMD 168.
#[tokio::test]
async fn properties_are_answered_in_order_each_with_its_status() {
    let fixture = Fixture::new().await;
    let password = |text: String| {
        settings(move |out| {
            within(out, s::RIGHTS_MANAGEMENT_INFORMATION, |out| {
                out.empty(s::GET);
            });
            within(out, s::USER_INFORMATION, |out| out.empty(s::GET));
            within(out, s::DEVICE_PASSWORD, |out| {
                within(out, s::SET, |out| out.text(s::PASSWORD, &text));
            });
            out.empty(s::OOF);
        })
    };
    let answer = xml(&fixture, password("secret".into())).await;
    let places: Vec<_> = [
        "<Oof><Status>2<",
        "<DevicePassword><Status>7<",
        "<UserInformation><Status>1<",
        "<RightsManagementInformation><Status>168<",
    ]
    .into_iter()
    .map(|part| {
        answer
            .find(part)
            .unwrap_or_else(|| panic!("{part} in {answer}"))
    })
    .collect();
    assert!(places.is_sorted(), "{answer}");
    let answer = xml(&fixture, password("x".repeat(256))).await;
    assert!(answer.contains("<DevicePassword><Status>5<"), "{answer}");
}

/// MS-ASCMD_R4388.
#[tokio::test]
async fn another_document_is_refused() {
    let fixture = Fixture::new().await;
    let wrong = ask("Settings").document(|out| out.empty(s::OOF));
    assert_eq!(
        xml(&fixture, wrong).await,
        "<Settings><Status>2</Status></Settings>"
    );
    let broken = ask("Settings").body(*b"\x03\x01\x6a\x00\xff");
    assert_eq!(
        xml(&fixture, broken).await,
        "<Settings><Status>102</Status></Settings>"
    );
}
