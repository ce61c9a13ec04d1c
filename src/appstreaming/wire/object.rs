//! Objects: traits for reading them, and the macro that declares a struct for one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::maybe::Maybe;

/// A type that is read from a JSON object.
pub trait Object<'de>: Sized + Default {
    /// Reads the members. Fails only if the JSON is malformed.
    ///
    /// # Errors
    /// The deserializer's error.
    fn read<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

/// A type that is read from any JSON value. Only an object is valid; all other values are
/// [`Maybe::Absent`] or [`Maybe::Invalid`].
///
/// Implemented for every [`Object`], and for [`Raw`](super::Raw), which keeps the object's text.
pub trait Element<'de>: Sized {
    /// Reads a value of any type. Fails only if the JSON is malformed.
    ///
    /// # Errors
    /// The deserializer's error.
    fn element<D: Deserializer<'de>>(deserializer: D) -> Result<Maybe<Self>, D::Error>;
}

/// A member's name, borrowed unless it contains escapes.
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

/// Declares a struct and its [`Object`] implementation. Unknown members are skipped. Of duplicate
/// members the last one counts: code derived by serde would reject the whole page.
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
