//! A page of a response: the members that all three operations have in common.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use thiserror::Error;

use super::object::Name;
use super::{Element, Group, Instance, Objects, Persistent, Scalar};

/// An element of one of the three listings.
pub trait Model<'de>: Element<'de> {
    /// The name of the response's member that is the list.
    const LIST: &'static str;

    /// The element's id, unique within its listing.
    fn id(&self) -> Scalar<'de>;
}

/// One page of a response.
#[derive(Debug, Clone)]
pub struct PageResponse<'a, T> {
    /// `TotalCount`: the number of elements on all pages.
    pub total_count: Scalar<'a>,
    /// `PageSize`: elements per page, as requested or less.
    pub page_size: Scalar<'a>,
    /// `PageNumber`: as requested.
    pub page_number: Scalar<'a>,
    /// `RequestId`.
    pub request_id: Scalar<'a>,
    /// `Code` or `code`: present only in errors.
    pub code: Scalar<'a>,
    /// The list.
    pub models: Objects<T>,
}

/// Why a body is not a page. Contains the position of the error, but not the content, which may be
/// personal data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Malformed JSON, with the parser's message.
    #[error("the response is not JSON: {0}")]
    Syntax(String),
    /// JSON, but not an object.
    #[error("the response is JSON, but not an object")]
    NotAnObject,
}

impl<'a, T: Model<'a>> PageResponse<'a, T> {
    /// Parses a page. A leading byte order mark and surrounding white space are ignored.
    ///
    /// # Errors
    /// When the body is not exactly one JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            Category::Data => Malformed::NotAnObject,
            Category::Syntax | Category::Eof | Category::Io => Malformed::Syntax(error.to_string()),
        })
    }
}

impl<T> Default for PageResponse<'_, T> {
    fn default() -> Self {
        PageResponse {
            total_count: Scalar::default(),
            page_size: Scalar::default(),
            page_number: Scalar::default(),
            request_id: Scalar::default(),
            code: Scalar::default(),
            models: Objects::default(),
        }
    }
}

impl<'de, T: Model<'de>> Deserialize<'de> for PageResponse<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PageVisitor(PhantomData))
    }
}

struct PageVisitor<T>(PhantomData<T>);

impl<'de, T: Model<'de>> Visitor<'de> for PageVisitor<T> {
    type Value = PageResponse<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<PageResponse<'de, T>, A::Error> {
        let mut page = PageResponse::default();
        while let Some(name) = members.next_key::<Name<'de>>()? {
            match &*name.0 {
                "TotalCount" => page.total_count = members.next_value()?,
                "PageSize" => page.page_size = members.next_value()?,
                "PageNumber" => page.page_number = members.next_value()?,
                "RequestId" => page.request_id = members.next_value()?,
                "Code" | "code" => page.code = members.next_value()?,
                name if name == T::LIST => page.models = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

impl<'a> Model<'a> for Group<'a> {
    const LIST: &'static str = "AppInstanceGroupModels";

    fn id(&self) -> Scalar<'a> {
        self.id
    }
}

impl<'a> Model<'a> for Instance<'a> {
    const LIST: &'static str = "AppInstanceModels";

    fn id(&self) -> Scalar<'a> {
        self.id
    }
}

impl<'a> Model<'a> for Persistent<'a> {
    const LIST: &'static str = "PersistentAppInstanceModels";

    fn id(&self) -> Scalar<'a> {
        self.id
    }
}
