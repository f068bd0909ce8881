//! `CREATE` (RFC 9051 §6.3.4), with CREATE-SPECIAL-USE (RFC 6154 §3). Missing levels above are made too.

use fieldpost_mailbox::FolderKind;

use crate::{
    answer::{Answer, Refusal},
    codec::{request::MailboxName, response::Code},
    hierarchy::{SEPARATOR, special_use_of},
    user::User,
};

pub(crate) async fn answer(
    user: &User,
    name: &MailboxName,
    special_use: &[String],
) -> Result<Answer, Refusal> {
    let special_use = match special_use {
        [] => None,
        [one] => match special_use_of(one) {
            Some(special_use) => Some(special_use),
            None => return Err(Answer::no(Code::UseAttr, "No such special use here").into()),
        },
        _ => return Err(Answer::no(Code::UseAttr, "One special use a mailbox").into()),
    };
    let path: Vec<&str> = name.0.split(SEPARATOR).collect();
    let folder = user
        .mailbox
        .create_path(&path, FolderKind::Mail, special_use)
        .await?;
    Ok(Answer::ok("Created").with(Code::MailboxId(folder.id.0)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Office;

    #[tokio::test]
    async fn levels_uses_and_names() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        client.says("CREATE a/b/", "OK [MAILBOXID (F*").await;
        client.says("CREATE a/b", "NO [ALREADYEXISTS] *").await;
        client.says("CREATE InBox", "NO [ALREADYEXISTS] *").await;
        client
            .says("CREATE Other (USE (\\Sent))", "NO [USEATTR] *")
            .await;
        client
            .says("CREATE Other (USE (\\Nothing))", "NO [USEATTR] *")
            .await;
        client.ok("CREATE Projects/First (USE (\\Important))").await;
        client
            .tells(
                "LIST (SPECIAL-USE) \"\" Projects/*",
                &["* LIST (\\HasNoChildren \\Important) \"/\" Projects/First"],
            )
            .await;
        client
            .says(
                "CREATE Other (USE (\\Important))",
                "NO [USEATTR] First has that special use already",
            )
            .await;
        client.ok("DELETE Projects/First").await;
        client.ok("CREATE Other (USE (\\Important))").await;
        client.ok("DELETE Other").await;
        client
            .tells("LIST \"\" a/%", &["* LIST (\\HasNoChildren) \"/\" a/b"])
            .await;
    }

    /// Fault 16: names that break other servers.
    #[tokio::test]
    async fn fault_16_names_that_are_none() {
        let office = Office::open().await;
        let mut client = office.signed_in().await;
        for name in ["\"../x\"", "\"a//b\"", "\"\"", "\"/a\"", "\"a/../b\""] {
            let (_, tagged) = client.asks(&format!("CREATE {name}")).await;
            assert!(!tagged.starts_with("OK"), "{name}: {tagged}");
        }
        let deep = vec!["d"; 1000].join("/");
        client.says(&format!("CREATE {deep}"), "NO *").await;
        let long = "x".repeat(60_000);
        client.says(&format!("CREATE {long}"), "NO *").await;
        // Broken modified UTF-7 is a name like any other, taken as it is.
        client.ok("CREATE \"broken &AOQ\"").await;
        client.ok("SELECT \"broken &AOQ\"").await;
        client.ok("CREATE Gr&APwA3w-e").await;
        let told = client.ok("LIST \"\" Gr*").await;
        assert_eq!(told, ["* LIST (\\HasNoChildren) \"/\" \"Gr&APwA3w-e\""]);
        client.ok("ENABLE UTF8=ACCEPT").await;
        let told = client.ok("LIST \"\" Gr*").await;
        assert_eq!(told, ["* LIST (\\HasNoChildren) \"/\" \"Grüße\""]);
    }
}
