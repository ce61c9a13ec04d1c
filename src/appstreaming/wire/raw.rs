//! An element with its JSON text, for tools that display responses.

use std::marker::PhantomData;

use serde_json::value::RawValue;

use super::{Element, Invalid, Maybe, Model, Object, Reader, Scalar};

/// One element of the listing of `T`s: its JSON text, including unknown fields, and its id.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a, T> {
    /// The element's JSON text, byte for byte.
    pub json: &'a RawValue,
    id: Scalar<'a>,
    model: PhantomData<fn() -> T>,
}

impl<'a, T: Model<'a> + Object<'a>> Element<'a> for Raw<'a, T> {
    fn element(reader: &mut Reader<'a>) -> Result<Maybe<Self>, Invalid> {
        let json = reader.skipped()?;
        // Read again only for the id.
        Ok(match T::element(&mut Reader::new(json))? {
            Maybe::Object(model) => {
                let json = serde_json::from_str(json).map_err(|_| Invalid)?;
                Maybe::Object(Raw { json, id: model.id(), model: PhantomData })
            }
            Maybe::Absent => Maybe::Absent,
            Maybe::Invalid => Maybe::Invalid,
        })
    }
}

impl<'a, T: Model<'a> + Object<'a>> Model<'a> for Raw<'a, T> {
    const LIST: &'static str = T::LIST;

    fn id(&self) -> Scalar<'a> {
        self.id
    }
}
