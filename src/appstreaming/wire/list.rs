//! Lists and nested objects, which accept any JSON value in their place.

use super::maybe::Maybe;
use super::object::{Element, Object};
use super::reader::{Invalid, Read, Reader};
use super::scalar::Scalar;

/// A list of objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects<T> {
    /// The elements that are objects, in order.
    pub items: Vec<T>,
    /// The number of other elements.
    pub skipped: u64,
    /// Which kind of value the API sent.
    pub presence: Presence,
}

/// A list of scalars.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scalars<'a> {
    /// The elements, in order; a list or an object among them is an unreadable scalar.
    pub items: Vec<Scalar<'a>>,
    /// Which kind of value the API sent.
    pub presence: Presence,
}

/// Which kind of value the API sent for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// The member is absent.
    #[default]
    Absent,
    /// Null or an empty string, which mean the same in this API.
    Null,
    /// A list.
    List,
    /// A value of another type.
    Invalid,
}

impl<T> Objects<T> {
    /// The number of elements of any type.
    pub fn len(&self) -> u64 {
        self.items.len() as u64 + self.skipped
    }

    /// Whether the list has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn empty(presence: Presence) -> Self {
        Objects { presence, ..Self::default() }
    }
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Objects { items: Vec::new(), skipped: 0, presence: Presence::Absent }
    }
}

impl Presence {
    /// The presence of a list in whose place another value is, which is skipped.
    fn of_other(reader: &mut Reader<'_>) -> Result<Self, Invalid> {
        Ok(match reader.scalar()? {
            Scalar::Absent => Presence::Null,
            _ => Presence::Invalid,
        })
    }
}

impl<'a, T: Element<'a>> Read<'a> for Objects<T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        if reader.peek()? != b'[' {
            return Presence::of_other(reader).map(Objects::empty);
        }
        let mut list = Objects::empty(Presence::List);
        reader.list(|reader| {
            match T::element(reader)? {
                Maybe::Object(object) => list.items.push(object),
                Maybe::Absent | Maybe::Invalid => list.skipped += 1,
            }
            Ok(())
        })?;
        Ok(list)
    }
}

impl<'a, T: Element<'a>> Read<'a> for Maybe<T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        T::element(reader)
    }
}

impl<'a, T: Object<'a>> Element<'a> for T {
    fn element(reader: &mut Reader<'a>) -> Result<Maybe<Self>, Invalid> {
        if reader.peek()? == b'{' {
            return T::object(reader).map(Maybe::Object);
        }
        Ok(match reader.scalar()? {
            Scalar::Absent => Maybe::Absent,
            _ => Maybe::Invalid,
        })
    }
}

impl<'a> Read<'a> for Scalars<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        if reader.peek()? != b'[' {
            let presence = Presence::of_other(reader)?;
            return Ok(Scalars { presence, ..Scalars::default() });
        }
        let mut list = Scalars { presence: Presence::List, ..Scalars::default() };
        reader.list(|reader| {
            list.items.push(reader.scalar()?);
            Ok(())
        })?;
        Ok(list)
    }
}
