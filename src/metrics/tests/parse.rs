//! A parser of the text format that shares no code with the encoder.

use std::collections::BTreeMap;

/// A parsed metric family.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReadFamily {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) metric_type: String,
    pub(super) samples: Vec<ReadSample>,
}

/// A parsed sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReadSample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// Parses a body; panics if it violates the format.
pub(super) fn read(body: &str) -> Vec<ReadFamily> {
    let mut families: Vec<ReadFamily> = Vec::new();
    assert!(body.is_empty() || body.ends_with('\n'), "the last line is terminated");
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
            families.push(ReadFamily {
                name: name.to_owned(),
                help: unescape(help),
                metric_type: String::new(),
                samples: Vec::new(),
            });
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let family = families.last_mut().expect("a help line before the type");
            let (name, metric_type) = rest.split_once(' ').expect("a type");
            assert_eq!(name, family.name);
            family.metric_type = metric_type.to_owned();
        } else {
            let family = families.last_mut().expect("metadata before the samples");
            let sample = read_sample(line);
            assert!(sample.name.starts_with(&family.name), "{} under {}", sample.name, family.name);
            family.samples.push(sample);
        }
    }
    families
}

pub(super) fn read_sample(line: &str) -> ReadSample {
    let (sample, rest) = read_sample_and_rest(line);
    assert_eq!(rest, None, "{line}");
    sample
}

/// Parses a sample and the exemplar that may follow it in OpenMetrics.
pub(super) fn read_sample_and_rest(line: &str) -> (ReadSample, Option<&str>) {
    let end = line.find(['{', ' ']).expect("a name");
    let name = line[..end].to_owned();
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label");
            assert!(
                !label.is_empty() && label.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()),
                "label {label:?}"
            );
            let close = closing_quote(after);
            let before = labels.insert(label.to_owned(), unescape(&after[..close]));
            assert_eq!(before, None, "label {label} twice in {line}");
            rest = &after[close + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').expect("a closing brace");
    }
    let value = rest.strip_prefix(' ').expect("a space before the value");
    let (value, rest) = match value.split_once(" # ") {
        Some((value, rest)) => (value, Some(rest)),
        None => (value, None),
    };
    (ReadSample { name, labels, value: value.parse().expect("a number") }, rest)
}

fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' if !escaped => return index,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    panic!("no closing quote in {text:?}");
}

pub(super) fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('\\' | '"')) => out.push(c),
                other => panic!("escape {other:?}"),
            },
            c => out.push(c),
        }
    }
    out
}
