use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn is_accepted(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.skip().and_then(|()| reader.end()).is_ok()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Texts of JSON values, in which a few characters may be replaced.
fn nearly_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,3})([.][0-9]{1,3})?([eE][-+]?[0-9]{1,3})?",
        r#""([a-z组 ]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,12}""#,
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let object = prop::collection::vec((r#""[a-z]{0,9}""#, inner), 0..4);
        prop_oneof![
            list.prop_map(|elements| format!("[ {}]", elements.join(" ,"))),
            object.prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                format!("{{{}\n}}", members.join(","))
            }),
        ]
    });
    let faults = prop::collection::vec(
        (any::<prop::sample::Index>(), r#"[\[\]{},:"\\0-9.eE+tfnu \n\x01\x7f-]{0,2}"#),
        0..3,
    );
    (value, faults).prop_map(|(text, faults)| {
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        for (at, fault) in faults {
            let at = at.index(characters.len());
            characters[at] = fault;
        }
        characters.concat()
    })
}

#[test]
fn grammar_that_random_texts_rarely_contain() {
    for text in [
        "",
        " ",
        "-",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "1e999",
        "-0",
        "tru",
        "nul",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[}",
        "{]",
        "[]]",
        "\"",
        r#""\""#,
        r#""\x""#,
        r#""\u12g4""#,
        r#""\ud800""#,
        "\"\t\"",
        "\u{feff}1",
        "\u{a0}1",
        "\u{c}1",
        "[[[]",
        "[[],[[]]]",
    ] {
        assert_eq!(is_accepted(text), is_json(text), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_text_is_accepted_exactly_if_it_is_json(text in nearly_json()) {
        prop_assert_eq!(is_accepted(&text), is_json(&text));
    }

    #[test]
    fn a_string_is_read_as_it_was_written(text in any::<String>(), more in "[a-z\"\\\\ 组]{0,40}") {
        for text in [text, more] {
            let json = serde_json::to_string(&text).unwrap();
            let scalar = Reader::new(&json).scalar().unwrap();
            prop_assert_eq!(scalar.text().unwrap().unwrap_or_default(), &*text);
        }
    }

    #[test]
    fn a_skipped_value_is_returned_as_it_was_sent(text in nearly_json()) {
        let list = format!("[{text}\t, 0 ]");
        let mut found = Vec::new();
        let read = Reader::new(&list).list(|reader| {
            found.push(reader.skipped()?);
            Ok(())
        });
        if let (Ok(()), Ok(Value::Array(values))) = (read, serde_json::from_str(&list)) {
            let found: Vec<Value> = found.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(found, values);
        }
    }

    #[test]
    fn the_end_of_a_plain_text_is_found_at_every_position(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
        prop_assert_eq!(plain_length(&bytes), end.unwrap_or(bytes.len()));
    }
}
