//! The line of each key of a document.
//!
//! Parsers that return values do not keep their lines, so the document is parsed a second time,
//! with a deserializer that records the line of each key and ignores the values.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::join_path;

/// The line of each key, from 1, by the key's path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineNumbers(BTreeMap<String, u64>);

impl LineNumbers {
    /// The lines of a TOML document. If the text has a syntax error, keys after it may have no
    /// line.
    pub(super) fn of_toml(text: &str) -> Self {
        let mut lines = Self::default();
        let collector = Collector::<toml::Spanned<String>>::new(text, &mut lines.0);
        let _ = collector.deserialize(toml::Deserializer::new(text));
        lines
    }

    /// The lines of a YAML or JSON document. The YAML parser reads both, because JSON is a subset
    /// of YAML and the JSON parser does not report the lines of keys.
    pub(super) fn of_yaml(text: &str) -> Self {
        let mut lines = Self::default();
        let _ = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
            Collector::<serde_saphyr::Spanned<String>>::new(text, &mut lines.0).deserialize(deserializer)
        });
        lines
    }

    /// The line of the key at `path`, or of the closest table that contains it.
    pub(crate) fn line(&self, path: &str) -> Option<u64> {
        let ancestors =
            std::iter::successors(Some(path), |path| path.rsplit_once('.').map(|(parent, _)| parent));
        ancestors.filter_map(|path| self.0.get(path)).next().copied()
    }
}

/// The line of the byte at `offset`, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count() as u64
}

/// A key with its position.
trait SpannedKey: DeserializeOwned {
    fn name(&self) -> &str;
    fn line(&self, text: &str) -> u64;
}

impl SpannedKey for toml::Spanned<String> {
    fn name(&self) -> &str {
        self.get_ref()
    }

    fn line(&self, text: &str) -> u64 {
        line_at(text, self.span().start)
    }
}

impl SpannedKey for serde_saphyr::Spanned<String> {
    fn name(&self) -> &str {
        &self.value
    }

    fn line(&self, _: &str) -> u64 {
        self.referenced.line()
    }
}

/// Visits a whole document and records the line of each key.
struct Collector<'a, K> {
    text: &'a str,
    lines: &'a mut BTreeMap<String, u64>,
    path: String,
    key: PhantomData<K>,
}

impl<'a, K> Collector<'a, K> {
    fn new(text: &'a str, lines: &'a mut BTreeMap<String, u64>) -> Self {
        Self { text, lines, path: String::new(), key: PhantomData }
    }

    fn child(&mut self, name: &str) -> Collector<'_, K> {
        Collector { text: self.text, lines: self.lines, path: join_path(&self.path, name), key: PhantomData }
    }
}

impl<'de, K: SpannedKey> DeserializeSeed<'de> for Collector<'_, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: SpannedKey> Visitor<'de> for Collector<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<K>()? {
            let child = self.child(key.name());
            child.lines.entry(child.path.clone()).or_insert_with(|| key.line(child.text));
            map.next_value_seed(child)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while sequence.next_element_seed(self.child(&index.to_string()))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        serde::Deserialize::deserialize(deserializer).map(|IgnoredAny| ())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
}
