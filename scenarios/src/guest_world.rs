//! What guests with WASI see of the host: folders and variables, as flags and keys write them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A folder that guests may read and write, and its name there: `HOST::GUEST`. Without `::GUEST`
/// the name is that of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestDir {
    /// The folder.
    pub host: PathBuf,
    /// The guest's name of it.
    pub guest: String,
}

impl FromStr for GuestDir {
    type Err = String;

    fn from_str(text: &str) -> Result<GuestDir, String> {
        match text.split_once("::").unwrap_or((text, text)) {
            ("", _) | (_, "") => Err(format!("'{text}' has an empty name: write HOST::GUEST")),
            (host, guest) => Ok(GuestDir { host: host.into(), guest: guest.to_owned() }),
        }
    }
}

impl fmt::Display for GuestDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.display();
        // A name that ends with a colon would end elsewhere before the separator.
        match host.to_string() == self.guest {
            true => write!(f, "{host}"),
            false => write!(f, "{host}::{}", self.guest),
        }
    }
}

/// A variable of the environment: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestVariable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl FromStr for GuestVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<GuestVariable, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                Ok(GuestVariable { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(format!("'{text}' is no variable: write NAME=VALUE")),
        }
    }
}

impl fmt::Display for GuestVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

macro_rules! as_text {
    ($($name:ident)+) => { $(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<$name, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )+ };
}

as_text!(GuestDir GuestVariable);
