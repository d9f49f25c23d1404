//! Values that nest deeper than every database takes, kept as JSON text. What another version wrote and
//! this one cannot read is forgotten.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, ser::Error};

#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub fn serialize<T: Serialize, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = value.as_ref().map(serde_json::to_string).transpose().map_err(S::Error::custom)?;
    text.serialize(serializer)
}

pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
