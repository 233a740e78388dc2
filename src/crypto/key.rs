//! A 256-bit key and the subkeys derived from it.

use crate::sensitive::Sensitive;

/// What a subkey is for: one subkey never serves two purposes (NIST SP 800-57 part 1, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// AES-256-GCM of column values and vault entries.
    Encrypt,
    /// HMAC that finds a pseudonym again.
    BlindIndex,
    /// HMAC over file paths in stored records.
    PathHash,
}

/// 32 secret bytes, wiped on drop.
#[derive(Clone)]
pub struct Key(pub(super) Sensitive<[u8; 32]>);
