//! Enums of names: one spelling for the command line, TOML, JSON and its schema alike.

/// Declares an enum of names with one spelling for the command line, TOML and JSON alike. The
/// enum is public, unless its name follows another visibility. The crate that uses it has `serde`.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ( $(#[$($meta:tt)*])* $name:ident ($what:literal) $variants:tt ) => {
        $crate::names! { $(#[$($meta)*])* pub $name ($what) $variants }
    };
    (
        $(#[$($meta:tt)*])*
        $vis:vis $name:ident ($what:literal) {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$($meta)*])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]
        $vis enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $text)] $variant, )+
        }

        #[allow(dead_code, reason = "an enum that is not public may use a part of it")]
        impl $name {
            /// Every spelling, in the order of declaration.
            $vis const NAMES: &'static [&'static str] = &[$($text),+];
            /// Every value, in the order of [`Self::NAMES`].
            $vis const ALL: [$name; Self::NAMES.len()] = [$($name::$variant),+];

            /// The spelling used on the command line, in TOML and in JSON.
            $vis const fn as_str(self) -> &'static str {
                match self { $( $name::$variant => $text, )+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownName> {
                match text {
                    $( $text => Ok($name::$variant), )+
                    _ => Err($crate::UnknownName::new($what, text, Self::NAMES)),
                }
            }
        }

        $crate::schema_of_names! { $name [] $(#[$($meta)*])* }
    };
}

/// The JSON Schema of an enum of names: its names, and the first paragraph of its documentation.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! schema_of_names {
    ($name:ident [$($line:literal)*] #[doc = $more:literal] $($rest:tt)*) => {
        $crate::schema_of_names! { $name [$($line)* $more] $($rest)* }
    };
    ($name:ident [$($line:literal)*] #[$($other:tt)*] $($rest:tt)*) => {
        $crate::schema_of_names! { $name [$($line)*] $($rest)* }
    };
    ($name:ident [$($line:literal)*]) => {
        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schema::of_names(&[$($line),*], $name::NAMES)
            }
        }
    };
}

/// Nothing without schemas.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! schema_of_names {
    ($($all:tt)*) => {};
}

/// An unknown name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} '{given}': expected one of {}", known.join(", "))]
pub struct UnknownName {
    what: &'static str,
    given: String,
    known: &'static [&'static str],
}

impl UnknownName {
    /// The error that `given` is no `what`.
    #[doc(hidden)]
    pub fn new(what: &'static str, given: &str, known: &'static [&'static str]) -> UnknownName {
        UnknownName { what, given: given.to_owned(), known }
    }
}
