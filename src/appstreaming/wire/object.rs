//! Objects: how a struct is read from one, and the macro that writes it down.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::Maybe;

/// A type that is read from a JSON object.
pub trait Object<'de>: Sized + Default {
    /// Reads the members. Fails only where the JSON itself is broken.
    ///
    /// # Errors
    ///
    /// The deserializer's.
    fn read<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

/// A type that is read from any JSON value, of which only objects are of use.
///
/// Every [`Object`] is one; [`Raw`](super::Raw) is another, which keeps the value's own text.
pub trait Element<'de>: Sized {
    /// Reads the value. Fails only where the JSON itself is broken.
    ///
    /// # Errors
    ///
    /// The deserializer's.
    fn element<D: Deserializer<'de>>(deserializer: D) -> Result<Maybe<Self>, D::Error>;
}

/// A member's name; borrowed unless it has escapes.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Declares a struct and reads it from an object: unknown members are skipped, and of duplicates the
/// last wins (derived code would refuse them, and with them the page).
macro_rules! object {
    (
        $(#[$meta:meta])*
        $name:ident<$a:lifetime> {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $member:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub struct $name<$a> {
            $($(#[$field_meta])* #[doc = concat!("`", $member, "`.")] pub $field: $type,)*
        }

        impl<$a> $crate::appstreaming::wire::Object<$a> for $name<$a> {
            fn read<A: serde::de::MapAccess<$a>>(mut members: A) -> Result<Self, A::Error> {
                let mut object = Self::default();
                while let Some(name) = members.next_key::<$crate::appstreaming::wire::object::Name<$a>>()? {
                    match &*name.0 {
                        $($member => object.$field = members.next_value()?,)*
                        _ => {
                            members.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(object)
            }
        }
    };
}
pub(super) use object;
