//! Both phases, and what stands in their way.

use hyper::StatusCode;

use super::*;
use crate::{
    Policy, Settings,
    testing::{Answer, Asking, Fixture, ask, within},
};

fn initial(model: Option<&str>) -> Asking {
    ask("Provision").document(|out| {
        within(out, p::PROVISION, |out| {
            if let Some(model) = model {
                within(out, s::DEVICE_INFORMATION, |out| {
                    within(out, s::SET, |out| out.text(s::MODEL, model));
                });
            }
            within(out, p::POLICIES, |out| {
                within(out, p::POLICY, |out| out.text(p::POLICY_TYPE, POLICY_TYPE));
            });
        });
    })
}

fn confirmation(key: &str, status: &str) -> Asking {
    ask("Provision").document(|out| {
        within(out, p::PROVISION, |out| {
            within(out, p::POLICIES, |out| {
                within(out, p::POLICY, |out| {
                    out.text(p::POLICY_TYPE, POLICY_TYPE);
                    out.text(p::POLICY_KEY, key);
                    out.text(p::STATUS, status);
                });
            });
        });
    })
}

fn key(answer: &Answer) -> String {
    let xml = answer.xml();
    let (_, rest) = xml.split_once("<provision:PolicyKey>").unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

async fn provisioned(fixture: &Fixture) -> u32 {
    let offered = key(&initial(Some("M")).of(fixture).await);
    key(&confirmation(&offered, "1").of(fixture).await)
        .parse()
        .unwrap()
}

/// Whether a command gets past the policy: then nobody carries it out (137), or it is carried out.
async fn gets_past(fixture: &Fixture, asking: Asking) -> Result<(), u16> {
    let xml = asking.of(fixture).await.xml();
    let (_, rest) = xml.split_once("Status>").unwrap();
    match rest.split_once('<').unwrap().0.parse().unwrap() {
        status @ 139..=145 => Err(status),
        _ => Ok(()),
    }
}

/// MS-ASPROV_R417, R419, R209, R210, R310, R378, R390, R394, R626, R636, R638.
#[tokio::test]
async fn a_policy_is_taken_in_two_phases() {
    let fixture = Fixture::new().await;
    let answer = initial(Some("Model 1")).of(&fixture).await;
    let offered = key(&answer);
    assert_eq!(
        answer.xml(),
        format!(
            "<provision:Provision><settings:DeviceInformation><settings:Status>1</settings:Status></settings:DeviceInformation>\
             <provision:Status>1</provision:Status><provision:Policies><provision:Policy>\
             <provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType><provision:Status>1</provision:Status>\
             <provision:PolicyKey>{offered}</provision:PolicyKey><provision:Data><provision:EASProvisionDoc>\
             <provision:AttachmentsEnabled>1</provision:AttachmentsEnabled><provision:AllowHTMLEmail>1</provision:AllowHTMLEmail>\
             </provision:EASProvisionDoc></provision:Data></provision:Policy></provision:Policies></provision:Provision>"
        )
    );
    assert_eq!(fixture.device("d1").await.unwrap().about.model, "Model 1");
    let offered_key: u32 = offered.parse().unwrap();
    assert_eq!(
        gets_past(&fixture, ask("FolderSync").key(offered_key)).await,
        Err(144),
        "what is offered is good for nothing else"
    );
    let answer = confirmation(&offered, "1")
        .key(offered_key)
        .of(&fixture)
        .await;
    let taken = key(&answer);
    assert_eq!(
        answer.xml(),
        format!(
            "<provision:Provision><provision:Status>1</provision:Status><provision:Policies><provision:Policy>\
             <provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType><provision:Status>1</provision:Status>\
             <provision:PolicyKey>{taken}</provision:PolicyKey></provision:Policy></provision:Policies></provision:Provision>"
        )
    );
    assert_ne!(taken, offered);
    let taken: u32 = taken.parse().unwrap();
    assert_eq!(
        gets_past(&fixture, ask("FolderSync").key(taken)).await,
        Ok(())
    );
    assert_eq!(
        gets_past(&fixture, ask("FolderSync").key(taken ^ 1)).await,
        Err(144)
    );
}

/// Client-quirks B5.
#[test]
fn no_key_is_0_old_ios_b5() {
    let keys: std::collections::BTreeSet<u32> = (0..100).map(|_| new_key().unwrap()).collect();
    assert!(keys.len() > 90 && !keys.contains(&0));
}

/// MS-ASPROV_R382; fault 42.
#[tokio::test]
async fn a_wrong_stale_or_used_key_confirms_nothing_fault_42() {
    let fixture = Fixture::new().await;
    let first = key(&initial(Some("M")).of(&fixture).await);
    let second = key(&initial(Some("M")).of(&fixture).await);
    for wrong in [first.as_str(), "0", "", "-1", "abc"] {
        let xml = confirmation(wrong, "1").of(&fixture).await.xml();
        assert!(
            xml.contains("<provision:Status>5</provision:Status>"),
            "{wrong}: {xml}"
        );
        assert!(!xml.contains("PolicyKey"), "{xml}");
    }
    let other = confirmation(&second, "1")
        .device("d2")
        .of(&fixture)
        .await
        .xml();
    assert!(
        other.contains("<provision:Status>5<"),
        "of another device: {other}"
    );
    confirmation(&second, "1").of(&fixture).await;
    let again = confirmation(&second, "1").of(&fixture).await.xml();
    assert!(again.contains("<provision:Status>5<"), "{again}");
}

/// MS-ASPROV_R387 to R389; MS-ASCMD_R4898, 145.
#[tokio::test]
async fn how_the_policy_was_taken_matters_only_where_it_is_said_so() {
    let lenient = Fixture::new().await;
    for status in ["1", "2", "3", "4"] {
        let offered = key(&initial(Some("M")).of(&lenient).await);
        key(&confirmation(&offered, status).of(&lenient).await);
    }
    let strict = Fixture::with(Settings {
        allow_non_provisionable: false,
        ..Settings::default()
    })
    .await;
    for (status, expected) in [("2", "139"), ("3", "139"), ("4", "145"), ("9", "2")] {
        let offered = key(&initial(Some("M")).of(&strict).await);
        let xml = confirmation(&offered, status).of(&strict).await.xml();
        assert_eq!(
            xml,
            format!(
                "<provision:Provision><provision:Status>{expected}</provision:Status></provision:Provision>"
            )
        );
        let shown = ask("FolderSync").key(offered.parse().unwrap());
        assert_eq!(gets_past(&strict, shown).await, Err(144));
    }
    let below = confirmation("1", "3").version("12.1").of(&strict).await;
    assert_eq!(below.status, StatusCode::BAD_REQUEST);
}

/// MS-ASPROV_R368, MS-ASCMD_R4953.
#[tokio::test]
async fn a_device_tells_of_itself_from_14_1_on() {
    let fixture = Fixture::new().await;
    let xml = initial(None).of(&fixture).await.xml();
    assert!(
        xml.contains("<provision:Status>165</provision:Status>"),
        "{xml}"
    );
    let xml = initial(None).version("14.0").of(&fixture).await.xml();
    assert!(
        xml.contains("PolicyKey") && !xml.contains("DeviceInformation"),
        "{xml}"
    );
    initial(Some("M")).of(&fixture).await;
    key(&initial(None).of(&fixture).await);
}

/// MS-ASPROV_R380.
#[tokio::test]
async fn another_type_of_policy_is_not_known() {
    let fixture = Fixture::new().await;
    let asking = ask("Provision").document(|out| {
        within(out, p::PROVISION, |out| {
            within(out, p::POLICIES, |out| {
                within(out, p::POLICY, |out| {
                    out.text(p::POLICY_TYPE, "MS-WAP-Provisioning-XML");
                });
            });
        });
    });
    let xml = asking.of(&fixture).await.xml();
    assert!(
        xml.contains("<provision:PolicyType>MS-WAP-Provisioning-XML</provision:PolicyType><provision:Status>3</provision:Status>"),
        "{xml}"
    );
}

/// MS-ASPROV_R622, R641, R395; fault 42: a wipe that nobody asked for.
#[tokio::test]
async fn words_of_a_wipe_change_nothing_fault_42() {
    let fixture = Fixture::new().await;
    let plain = "<provision:Provision><provision:Status>1</provision:Status></provision:Provision>";
    let empty = ask("Provision").document(|out| out.empty(p::PROVISION));
    assert_eq!(empty.of(&fixture).await.xml(), plain);
    let wiped = ask("Provision").document(|out| {
        within(out, p::PROVISION, |out| {
            within(out, p::REMOTE_WIPE, |out| out.text(p::STATUS, "1"));
        });
    });
    assert_eq!(wiped.of(&fixture).await.xml(), plain);
    let nothing = ask("Provision").of(&fixture).await.xml();
    assert!(nothing.contains("<provision:Status>2<"), "{nothing}");
}

/// MS-ASCMD_R4905, R4911, R4908; client-quirks D2, D3, C2.
#[tokio::test]
async fn who_has_no_key_speaks_unless_a_policy_is_required_d2_d3() {
    let fixture = Fixture::new().await;
    assert_eq!(gets_past(&fixture, ask("FolderSync")).await, Ok(()));
    assert_eq!(gets_past(&fixture, ask("FolderSync").key(0)).await, Ok(()));
    let strict = fixture.restarted(Settings {
        require_policy: true,
        ..Settings::default()
    });
    assert_eq!(gets_past(&strict, ask("FolderSync")).await, Err(142));
    assert_eq!(gets_past(&strict, ask("FolderSync").key(0)).await, Err(142));
    let below = ask("FolderSync").version("12.1").of(&strict).await;
    assert_eq!(below.status.as_u16(), 449);
    assert!(below.body.is_empty());
    assert_eq!(gets_past(&strict, ask("Ping")).await, Ok(()), "Android C2");
    assert_eq!(gets_past(&strict, ask("Settings")).await, Ok(()));
    let taken = provisioned(&strict).await;
    assert_eq!(
        gets_past(&strict, ask("FolderSync").key(taken)).await,
        Ok(())
    );
}

/// MS-ASCMD_R4909.
#[tokio::test]
async fn another_policy_is_taken_before_anything_else() {
    let fixture = Fixture::new().await;
    let taken = provisioned(&fixture).await;
    let changed = fixture.restarted(Settings {
        policy: Policy {
            allow_camera: Some(false),
            ..Policy::default()
        },
        ..Settings::default()
    });
    assert_eq!(
        gets_past(&changed, ask("FolderSync").key(taken)).await,
        Err(143)
    );
    let taken = provisioned(&changed).await;
    assert_eq!(
        gets_past(&changed, ask("FolderSync").key(taken)).await,
        Ok(())
    );
}

/// A base64 query carries the key as well (MS-ASHTTP_R40, MS-ASHTTP_R162).
#[tokio::test]
async fn the_key_of_a_base64_query_counts() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let fixture = Fixture::new().await;
    let taken = provisioned(&fixture).await;
    let query = |key: u32| {
        let bytes = [
            &[141, 9, 9, 4, 2][..],
            b"d1\x04",
            &key.to_le_bytes(),
            b"\x05Phone",
        ]
        .concat();
        ask("").query(&STANDARD.encode(bytes))
    };
    assert_eq!(gets_past(&fixture, query(taken)).await, Ok(()));
    assert_eq!(gets_past(&fixture, query(taken ^ 1)).await, Err(144));
}
