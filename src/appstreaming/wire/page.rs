//! A page of a response: the members that all three operations have in common.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::error::Category;
use thiserror::Error;

use super::{Element, Group, Instance, Invalid, Objects, Persistent, Read, Reader, Scalar};

/// An element of one of the three listings.
pub trait Model<'a>: Element<'a> {
    /// The name of the response's member that is the list.
    const LIST: &'static str;

    /// The element's id, unique within its listing.
    fn id(&self) -> Scalar<'a>;
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
        let text = simdutf8::basic::from_utf8(body).map_err(|_| Malformed::of_bytes(body))?;
        Self::read(Reader::new(text)).map_err(|Invalid| Malformed::of_text(text))
    }

    fn read(mut reader: Reader<'a>) -> Result<Self, Invalid> {
        let mut page = PageResponse::default();
        let mut has_member = reader.enter_object()?;
        while has_member {
            let name = reader.name()?;
            match &*name {
                "TotalCount" => page.total_count = reader.scalar()?,
                "PageSize" => page.page_size = reader.scalar()?,
                "PageNumber" => page.page_number = reader.scalar()?,
                "RequestId" => page.request_id = reader.scalar()?,
                "Code" | "code" => page.code = reader.scalar()?,
                name if name == T::LIST => page.models = Objects::read(&mut reader)?,
                _ => reader.skip()?,
            }
            has_member = reader.next_member()?;
        }
        reader.end().map(|()| page)
    }
}

impl Malformed {
    /// Why bytes are not a text.
    #[cold]
    fn of_bytes(body: &[u8]) -> Self {
        let valid = body.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let line = valid.matches('\n').count() + 1;
        let column = valid.len() - valid.rfind('\n').map_or(0, |line_feed| line_feed + 1) + 1;
        Malformed::Syntax(format!("invalid unicode code point at line {line} column {column}"))
    }

    /// Why a text is not an object, with the message of a general parser.
    #[cold]
    fn of_text(text: &str) -> Self {
        match serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) {
            Err(error) if error.classify() == Category::Data => Malformed::NotAnObject,
            Err(error) => Malformed::Syntax(error.to_string()),
            Ok(_) => Malformed::Syntax("malformed".to_owned()),
        }
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
