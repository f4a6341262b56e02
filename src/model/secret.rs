//! A value that must never be printed, logged, compared or kept.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text: prints as `[secret]`, cannot be serialized, and is wiped when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value. The caller should drop every other copy of it.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Only `api` (to sign) and `apply` (to deliver) may call this; a test looks for others.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
