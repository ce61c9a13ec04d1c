//! Objects: traits for reading them, and the macro that declares a struct for one.

use super::maybe::Maybe;
use super::reader::{Invalid, Reader};

/// A type that is read from a JSON object.
pub trait Object<'a>: Sized + Default {
    /// Reads an object, which must be next.
    ///
    /// # Errors
    /// When it is not JSON.
    fn object(reader: &mut Reader<'a>) -> Result<Self, Invalid>;
}

/// A type that is read from any JSON value. Only an object is valid; all other values are
/// [`Maybe::Absent`] or [`Maybe::Invalid`].
///
/// Implemented for every [`Object`], and for [`Raw`](super::Raw), which keeps the object's text.
pub trait Element<'a>: Sized {
    /// Reads the next value, of any type.
    ///
    /// # Errors
    /// When it is not JSON.
    fn element(reader: &mut Reader<'a>) -> Result<Maybe<Self>, Invalid>;
}

/// Declares a struct and its [`Object`] implementation. Unknown members are skipped. Of duplicate
/// members the last one counts.
///
/// The API sends the members of an object always in the same order. If the fields are declared in
/// this order, the name of each member is only compared with the next field's.
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
            fn object(
                reader: &mut $crate::appstreaming::wire::Reader<$a>,
            ) -> Result<Self, $crate::appstreaming::wire::Invalid> {
                use $crate::appstreaming::wire::Read as _;

                let mut object = Self::default();
                let mut has_member = reader.enter_object()?;
                while has_member {
                    let mut is_known = false;
                    $(
                        if has_member && reader.take_name(concat!("\"", $member, "\":")) {
                            object.$field = <$type>::read(reader)?;
                            has_member = reader.next_member()?;
                            is_known = true;
                        }
                    )*
                    // An unknown name, or a known one with escapes or white space.
                    if !is_known {
                        match &*reader.name()? {
                            $($member => object.$field = <$type>::read(reader)?,)*
                            _ => reader.skip()?,
                        }
                        has_member = reader.next_member()?;
                    }
                }
                Ok(object)
            }
        }
    };
}
pub(super) use object;
