//! SHA-256, by which the page's content security policy names the one script and the one style
//! sheet that may act: markup that slipped into the page could then still do nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The digest as a policy has it: `'sha256-…'`, in base64.
pub(super) fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_as_a_policy_wants_it() {
        // As `printf abc | openssl dgst -sha256 -binary | base64` has it.
        assert_eq!(source("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
    }
}
