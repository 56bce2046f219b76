//! SHA-256 digests. By them, the page's content security policy allows one script and one style
//! sheet: other markup in the page could do nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The digest as a source of the policy: `'sha256-…'`, in base64.
pub(super) fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_quoted_digest() {
        // The output of `printf abc | openssl dgst -sha256 -binary | base64`.
        assert_eq!(source("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
    }
}
