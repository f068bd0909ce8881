//! Random bytes from the operating system.

use crate::DirectoryError;

/// Fills `bytes`.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), DirectoryError> {
    getrandom::fill(bytes).map_err(|error| DirectoryError::Random(error.to_string()))
}

/// So many random bytes.
pub(crate) fn array<const N: usize>() -> Result<[u8; N], DirectoryError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}
