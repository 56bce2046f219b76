//! The messages of the step protocol: requests, and the answer to each.

use serde::{Deserialize, Deserializer, Serialize, de};

use leakbench_model::{Slabs, SlotState};

/// Version of the protocol. It stays when a request or a field is added that drivers may ignore, and
/// rises when a driver of the last version would fail.
pub(super) const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Request<'a> {
    Hello { leakbench: u32 },
    Slots,
    Create { module: u64, binary: &'a str },
    Instantiate { module: u64, instance: u64 },
    Call { instance: u64, export: &'a str },
    DropInstance { instance: u64 },
    DropModule { module: u64 },
}

/// A request as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) request: &'a Request<'a>,
}

/// A reply as it is received: with exactly one of `ok` and `error`.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) ok: Option<Answer>,
    pub(super) error: Option<String>,
}

/// The object in `ok`, before it is read as the answer to a certain request.
pub(super) type Answer = serde_json::Map<String, serde_json::Value>;

/// The part of the answer to `hello` that every version has.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) leakbench: u32,
}

/// The answer to `hello`.
#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    /// The process that has the runtime.
    pub(super) pid: u32,
    /// Name and version of the runtime, for people.
    pub(super) runtime: String,
}

/// An answer without fields.
#[derive(Debug, Deserialize)]
pub(super) struct Done {}

/// The answer to `call`.
#[derive(Debug, Deserialize)]
pub(super) struct Called {
    /// In decimal digits, since JavaScript's numbers end at 2^53.
    #[serde(default, deserialize_with = "digits")]
    pub(super) result: Option<i64>,
}

/// The answer to `slots`: a letter for each slot of the slabs, or no letters.
#[derive(Debug, Deserialize)]
#[serde(try_from = "ClaimedSlots")]
pub(super) struct Slots {
    pub(super) slabs: Slabs,
    pub(super) states: String,
}

#[derive(Debug, Deserialize)]
struct ClaimedSlots {
    slabs: Slabs,
    #[serde(default)]
    states: String,
}

impl TryFrom<ClaimedSlots> for Slots {
    type Error = String;

    fn try_from(ClaimedSlots { slabs, states }: ClaimedSlots) -> Result<Slots, String> {
        let slots = slabs.slot_count();
        if u32::try_from(slots).is_err() {
            return Err(format!("{slots} slots are more than a pool can have"));
        }
        if let Some(other) =
            states.chars().find(|letter| SlotState::from_reported_letter(*letter).is_none())
        {
            return Err(format!("{other:?} is not the state of a slot: they are . w u a q ?"));
        }
        if !states.is_empty() && states.len() as u64 != slots {
            return Err(format!("there are {slots} slots, and states of {}", states.len()));
        }
        Ok(Slots { slabs, states })
    }
}

fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let digits: Option<String> = Option::deserialize(deserializer).map_err(|error| {
        de::Error::custom(format!("a result must be a string of decimal digits, or null: {error}"))
    })?;
    let parse = |digits: String| {
        digits.parse().map_err(|error| de::Error::custom(format!("the result {digits:?}: {error}")))
    };
    digits.map(parse).transpose()
}

/// Bytes in base64 (RFC 4648, with padding).
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at > three.len() { '=' } else { digit.into() });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_its_rfc_shows() {
        let shown = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, text) in shown.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn a_result_is_digits_or_nothing() {
        let read = |text: &str| serde_json::from_str::<Called>(text).map(|called| called.result);
        assert_eq!(read(r#"{"result":"-9223372036854775808"}"#).unwrap(), Some(i64::MIN));
        assert_eq!(read(r#"{"result":null}"#).unwrap(), None);
        assert_eq!(read("{}").unwrap(), None);
        for wrong in [r#"{"result":7}"#, r#"{"result":"9223372036854775808"}"#, r#"{"result":""}"#]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let error = read(r#"{"result":7}"#).unwrap_err().to_string();
        assert!(error.contains("string of decimal digits"), "{error}");
    }

    #[test]
    fn slots_are_as_many_as_their_states() {
        let read = |slots: u32, states: &str| {
            let slab = format!(r#"{{"base":4096,"stride_bytes":65536,"slots":{slots}}}"#);
            let text = format!(r#"{{"slabs":[{slab},{slab}],"states":"{states}"}}"#);
            serde_json::from_str::<Slots>(&text).map(|slots| slots.states)
        };
        assert_eq!(read(3, ".wuaq?").unwrap(), ".wuaq?");
        assert_eq!(read(3, "").unwrap(), "");
        for (slots, states) in [(3, ".wuaq"), (3, ".wuaqx"), (3, "ééé"), (u32::MAX, "")] {
            assert!(read(slots, states).is_err(), "{slots} {states}");
        }
    }
}
