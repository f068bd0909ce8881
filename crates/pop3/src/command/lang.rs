//! `LANG [tag]` (RFC 6856 §3.2): the language of what is said to people. There is one, English.

use crate::codec::Replies;

/// Lists the languages, or takes up the one asked for.
pub(crate) fn answer(tag: Option<&str>, replies: &mut Replies<'_>) {
    match tag {
        None => {
            replies.ok("Language listing follows");
            replies.line(format_args!("{LANGUAGE} English"));
            replies.end();
        }
        // `*` leaves the choice to the server; `i-default` is what a session begins with (RFC 2277 §4.5). A tag that says
        // more than ours, such as en-GB, is content with ours (RFC 4647 §3.4).
        Some(tag) if tag == "*" || tag.eq_ignore_ascii_case("i-default") || is_ours(tag) => {
            replies.ok(format_args!("{LANGUAGE} The language is English"));
        }
        Some(_) => replies.err("There is no such language here"),
    }
}

fn is_ours(tag: &str) -> bool {
    let primary = tag.split('-').next().unwrap_or(tag);
    primary.eq_ignore_ascii_case(LANGUAGE)
}

/// The language of all replies.
const LANGUAGE: &str = "en";

#[cfg(test)]
mod tests {
    use crate::testing::Office;

    #[tokio::test]
    async fn before_and_after_sign_in() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        for _ in 0..2 {
            assert_eq!(client.asks_lines("LANG").await, ["en English"]);
            for tag in ["en", "EN-gb", "*", "i-default"] {
                client
                    .says(&format!("LANG {tag}"), "+OK en The language is English")
                    .await;
            }
            for tag in ["de", "eng", "x", "-"] {
                client
                    .says(
                        &format!("LANG {tag}"),
                        "-ERR There is no such language here",
                    )
                    .await;
            }
            let lines = client.asks_lines("CAPA").await;
            assert!(lines.contains(&"LANG".to_owned()), "{lines:?}");
            if !lines.iter().any(|line| line.starts_with("IMPLEMENTATION")) {
                client.signs_in().await;
            }
        }
    }
}
