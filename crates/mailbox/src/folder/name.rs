//! Which names a folder may have.

use crate::error::NameError;

/// The longest name of a folder, in bytes of UTF-8, without its parents' names.
pub const MAX_FOLDER_NAME: usize = 255;

/// How many levels deep folders may lie.
pub const MAX_FOLDER_DEPTH: usize = 32;

/// Checks one level of a folder's name. Front-ends join levels with `/`, which is why it can't be part of one.
pub(super) fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_FOLDER_NAME {
        return Err(NameError::TooLong);
    }
    // U+2028 and U+2029 end lines too (RFC 5198 §2).
    if name
        .chars()
        .any(|char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}'))
    {
        return Err(NameError::Control);
    }
    if name.contains('/') {
        return Err(NameError::Separator);
    }
    if matches!(name, "." | "..") || name.starts_with(' ') || name.ends_with(' ') {
        return Err(NameError::Ambiguous);
    }
    Ok(())
}

/// Whether a folder of mail could lie there, each level's name given: for whoever would offer to make it.
///
/// # Errors
/// What is wrong with the first level that is impossible, or with their number.
pub fn check_path(path: &[&str]) -> Result<(), NameError> {
    if path.is_empty() {
        return Err(NameError::Empty);
    }
    if path.len() > MAX_FOLDER_DEPTH {
        return Err(NameError::TooDeep);
    }
    path.iter().try_for_each(|level| check(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_level_by_level() {
        assert_eq!(check_path(&["a", "b"]), Ok(()));
        assert_eq!(check_path(&[""]), Err(NameError::Empty));
        assert_eq!(check_path(&[]), Err(NameError::Empty));
        assert_eq!(check_path(&["a", "", "b"]), Err(NameError::Empty));
        assert_eq!(check_path(&["a", ".."]), Err(NameError::Ambiguous));
        assert_eq!(check_path(&["a"; MAX_FOLDER_DEPTH]), Ok(()));
        let deep = ["a"; MAX_FOLDER_DEPTH + 1];
        assert_eq!(check_path(&deep), Err(NameError::TooDeep));
    }

    /// Fault 16: mailbox names with ../, NUL, 64 KiB.
    #[test]
    fn hostile_names_are_refused() {
        for (name, wrong) in [
            ("", NameError::Empty),
            ("..", NameError::Ambiguous),
            (".", NameError::Ambiguous),
            ("../../etc/passwd", NameError::Separator),
            ("a\0b", NameError::Control),
            ("a\r\nb", NameError::Control),
            ("a\u{85}b", NameError::Control),
            ("a\u{2028}b", NameError::Control),
            (" a", NameError::Ambiguous),
            ("a ", NameError::Ambiguous),
        ] {
            assert_eq!(check(name), Err(wrong), "{name:?}");
        }
        assert_eq!(check(&"x".repeat(64 * 1024)), Err(NameError::TooLong));
    }

    #[test]
    fn what_people_call_their_folders_is_taken() {
        for name in [
            "Work",
            "été 2024",
            "日本語",
            "a.b",
            "...",
            "x y",
            "-",
            "INBOX",
        ] {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
        assert_eq!(check(&"x".repeat(MAX_FOLDER_NAME)), Ok(()));
    }
}
