//! Why answers differ.

/// A difference in many answers, which is taken out before they are compared.
pub struct Everywhere {
    /// What it is.
    pub what: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Whether it is in Dovecot's answers, or in ours.
    pub of_dovecot: bool,
    /// Takes it out; how often it was there.
    pub apply: fn(&mut Vec<String>) -> usize,
}

/// Differences in many answers.
pub const EVERYWHERE: &[Everywhere] = &[];

/// Differences of single commands: key, and reason.
pub const REASONS: &[(&str, &str)] = &[];
