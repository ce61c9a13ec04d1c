//! A page: what all three answers have in common around their list.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::error::Category;
use thiserror::Error;

use super::{Element, Group, Instance, Objects, Persistent, Scalar, object::Name};

/// An element of one of the three listings.
pub trait Model<'de>: Element<'de> {
    /// The member of the answer that holds the list.
    const LIST: &'static str;

    /// What tells it from the others of its listing.
    fn id(&self) -> Scalar<'de>;
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Page<'a, T> {
    /// `TotalCount`: of all pages.
    pub total_count: Scalar<'a>,
    /// `PageSize`: echo of the request, or less.
    pub page_size: Scalar<'a>,
    /// `PageNumber`: echo of the request.
    pub page_number: Scalar<'a>,
    /// `RequestId`.
    pub request_id: Scalar<'a>,
    /// `Code`, in either case: present in an error only.
    pub code: Scalar<'a>,
    /// The list.
    pub models: Objects<T>,
}

/// Why bytes are no page. Says where, never what stood there: that may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Broken JSON.
    #[error("the answer is not JSON: {0}")]
    Syntax(String),
    /// JSON, but no object at the top.
    #[error("the answer is JSON, but not an object")]
    NotAnObject,
}

impl<'a, T: Model<'a>> Page<'a, T> {
    /// Reads a page. A byte order mark before it and white space around it are fine.
    ///
    /// # Errors
    ///
    /// When it isn't one JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            Category::Data => Malformed::NotAnObject,
            Category::Syntax | Category::Eof | Category::Io => Malformed::Syntax(error.to_string()),
        })
    }
}

impl<T> Default for Page<'_, T> {
    fn default() -> Self {
        Page {
            total_count: Scalar::default(),
            page_size: Scalar::default(),
            page_number: Scalar::default(),
            request_id: Scalar::default(),
            code: Scalar::default(),
            models: Objects::default(),
        }
    }
}

impl<'de, T: Model<'de>> Deserialize<'de> for Page<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PageVisitor(PhantomData))
    }
}

struct PageVisitor<T>(PhantomData<T>);

impl<'de, T: Model<'de>> Visitor<'de> for PageVisitor<T> {
    type Value = Page<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Page<'de, T>, A::Error> {
        let mut page = Page::default();
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
