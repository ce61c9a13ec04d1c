//! Lists and nested objects, which accept any JSON value in their place.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::maybe::Maybe;
use super::object::{Element, Object};
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

impl<'de, T: Element<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectsVisitor(PhantomData))
    }
}

impl<'de, T: Element<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::element(deserializer)
    }
}

impl<'de, T: Object<'de>> Element<'de> for T {
    fn element<D: Deserializer<'de>>(deserializer: D) -> Result<Maybe<Self>, D::Error> {
        deserializer.deserialize_any(MaybeVisitor(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalars<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarsVisitor).map(|list: Scalars<'de>| list)
    }
}

struct ObjectsVisitor<T>(PhantomData<T>);
struct MaybeVisitor<T>(PhantomData<T>);
struct ScalarsVisitor;

/// The visitor methods for values that are neither lists nor objects: `$empty` is the result for
/// null and an empty string, `$invalid` for all other values.
macro_rules! others {
    ($empty:expr, $invalid:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($empty)
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(if text.is_empty() { $empty } else { $invalid })
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($invalid)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($invalid)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($invalid)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($invalid)
        }
    };
}

impl<'de, T: Element<'de>> Visitor<'de> for ObjectsVisitor<T> {
    type Value = Objects<T>;

    others!(Objects::empty(Presence::Null), Objects::empty(Presence::Invalid));

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Objects<T>, A::Error> {
        skip_members(members).map(|()| Objects::empty(Presence::Invalid))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Objects<T>, A::Error> {
        let mut list = Objects::empty(Presence::List);
        while let Some(element) = elements.next_element()? {
            match element {
                Maybe::Object(object) => list.items.push(object),
                Maybe::Absent | Maybe::Invalid => list.skipped += 1,
            }
        }
        Ok(list)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for MaybeVisitor<T> {
    type Value = Maybe<T>;

    others!(Maybe::Absent, Maybe::Invalid);

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Maybe<T>, A::Error> {
        T::read(members).map(Maybe::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Maybe<T>, A::Error> {
        skip_elements(elements).map(|()| Maybe::Invalid)
    }
}

impl<'de> Visitor<'de> for ScalarsVisitor {
    type Value = Scalars<'de>;

    others!(
        Scalars { presence: Presence::Null, ..Scalars::default() },
        Scalars { presence: Presence::Invalid, ..Scalars::default() }
    );

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Scalars<'de>, A::Error> {
        skip_members(members)?;
        Ok(Scalars { presence: Presence::Invalid, ..Scalars::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Scalars<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(element) = elements.next_element()? {
            items.push(element);
        }
        Ok(Scalars { items, presence: Presence::List })
    }
}

fn skip_members<'de, A: MapAccess<'de>>(mut members: A) -> Result<(), A::Error> {
    while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_elements<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<(), A::Error> {
    while elements.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
