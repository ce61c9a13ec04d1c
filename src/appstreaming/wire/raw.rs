//! An element with its JSON text, for tools that display responses.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Element, Maybe, Model, Object, Scalar};

/// One element of the listing of `T`s: its JSON text, including unknown fields, and its id.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a, T> {
    /// The element's JSON text, byte for byte.
    pub json: &'a RawValue,
    id: Scalar<'a>,
    model: PhantomData<fn() -> T>,
}

impl<'a, T: Model<'a> + Object<'a>> Element<'a> for Raw<'a, T> {
    fn element<D: Deserializer<'a>>(deserializer: D) -> Result<Maybe<Self>, D::Error> {
        let json = <&'a RawValue>::deserialize(deserializer)?;
        // Parsed only for the id. The text is valid JSON, so this fails only if it is nested too
        // deeply.
        Ok(match serde_json::from_str::<Maybe<T>>(json.get()) {
            Ok(Maybe::Object(model)) => Maybe::Object(Raw { json, id: model.id(), model: PhantomData }),
            Ok(Maybe::Absent) => Maybe::Absent,
            Ok(Maybe::Invalid) | Err(_) => Maybe::Invalid,
        })
    }
}

impl<'a, T: Model<'a> + Object<'a>> Model<'a> for Raw<'a, T> {
    const LIST: &'static str = T::LIST;

    fn id(&self) -> Scalar<'a> {
        self.id
    }
}
