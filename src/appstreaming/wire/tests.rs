use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Group, Instance, Malformed, Maybe, Model, PageResponse, Persistent, Reader, Scalar};
use crate::appstreaming::convert;
use crate::fleet::{DecodeIssues, FoldOptions};

fn scalar(json: &str) -> Scalar<'_> {
    Reader::new(json).scalar().unwrap()
}

fn text(scalar: Scalar<'_>) -> Option<String> {
    scalar.text().unwrap().map(Cow::into_owned)
}

#[test]
fn a_text_is_borrowed_unless_it_has_escapes() {
    use Cow::{Borrowed, Owned};
    assert!(matches!(scalar(r#""a 组""#).text(), Ok(Some(Borrowed("a 组")))));
    assert!(matches!(scalar(r#""a\"\u7ec4""#).text(), Ok(Some(Owned(text))) if text == "a\"组"));
    assert!(matches!(scalar(r#"" a\n""#).code(), Ok(Some(Owned(text))) if text == "a"));
    assert!(matches!(scalar("1.10").text(), Ok(Some(Borrowed("1.10")))));
    for empty in ["null", r#""""#] {
        assert_eq!(scalar(empty).text(), Ok(None), "{empty}");
    }
    assert_eq!(scalar(r#"" \n ""#).code(), Ok(None));
    for json in ["true", "[]", "{}", r#""\ud800""#] {
        assert!(scalar(json).text().is_err(), "{json}");
    }
}

#[test]
fn numbers_are_finite_decimals_in_or_out_of_quotes() {
    for (json, number) in [
        ("1", 1.0),
        (r#"" 20.5 ""#, 20.5),
        ("1e2", 100.0),
        (r#""-1""#, -1.0),
        ("9007199254740993", 9007199254740992.0),
    ] {
        assert_eq!(scalar(json).number(), Ok(Some(number)), "{json}");
    }
    assert!(scalar("-0").number().unwrap().unwrap().is_sign_positive());
    for json in ["null", r#""""#, r#"" ""#] {
        assert_eq!(scalar(json).number(), Ok(None), "{json}");
    }
    for json in ["true", r#""85%""#, r#""inf""#, r#""NaN""#, "1e999", "[1]", "{}", r#""0x10""#, r#""1,000""#]
    {
        assert!(scalar(json).number().is_err(), "{json}");
    }
    assert_eq!(scalar(r#""18446744073709551615""#).count(), Ok(Some(u64::MAX)));
    assert!(scalar("1.5").count().is_err());
}

#[test]
fn flags_are_read_from_booleans_numbers_and_strings() {
    for json in ["true", "1", r#""true""#, r#""True""#, r#"" TRUE ""#, r#""1""#] {
        assert_eq!(scalar(json).flag(), Ok(Some(true)), "{json}");
    }
    for json in ["false", "0", r#""false""#, r#""False""#, r#""0""#] {
        assert_eq!(scalar(json).flag(), Ok(Some(false)), "{json}");
    }
    for json in ["null", r#""""#] {
        assert_eq!(scalar(json).flag(), Ok(None), "{json}");
    }
    for json in ["2", r#""yes""#, "[]", "{}"] {
        assert!(scalar(json).flag().is_err(), "{json}");
    }
}

#[test]
fn a_byte_order_mark_white_space_and_escaped_names_are_accepted() {
    let body = b"\xEF\xBB\xBF \n{\"TotalCount\":1,\"AppInstance\\u004dodels\":[{\"AppInstance\\u0049d\":\"ai-1\"}]}\r\n";
    let page = PageResponse::<Instance<'_>>::parse(body).unwrap();
    assert_eq!(page.models.items[0].id.code().unwrap().as_deref(), Some("ai-1"));
}

#[test]
fn the_last_of_duplicate_members_counts() {
    let body = br#"{"TotalCount":1,"TotalCount":2,"AppInstanceModels":[],"AppInstanceModels":[
        {"AppInstanceId":"a","BindInfo":{"EndUserId":"x"},"AppInstanceId":"b","BindInfo":null}]}"#;
    let page = PageResponse::<Instance<'_>>::parse(body).unwrap();
    assert_eq!(page.total_count.count(), Ok(Some(2)));
    assert_eq!(page.models.items[0].id.text().unwrap().as_deref(), Some("b"));
    assert!(matches!(page.models.items[0].bind_info, Maybe::Absent));
}

#[test]
fn a_value_nested_thousands_deep_in_an_unknown_field_is_skipped() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body =
        format!(r#"{{"AppInstanceModels":[{{"New":{deep},"AppInstanceId":"ai-1","Status":{deep}}}]}}"#);
    let page = PageResponse::<Instance<'_>>::parse(body.as_bytes()).unwrap();
    assert_eq!(page.models.items[0].id.text().unwrap().as_deref(), Some("ai-1"));
    assert!(page.models.items[0].status.text().is_err());
}

#[test]
fn a_malformed_page_is_an_error_with_its_position() {
    for (body, message) in [
        (&b"{\"TotalCount\": 1,\n \"New\": \"\xFF\"}"[..], "invalid unicode code point at line 2 column 10"),
        (b"{\"TotalCount\": 01}", "invalid number at line 1 column 17"),
        (b"{\"TotalCount\": 1", "EOF while parsing an object at line 1 column 16"),
        (
            b"{\"RequestId\": \"a\nb\"}",
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 16",
        ),
        (b"{} {}", "trailing characters at line 1 column 4"),
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"<html>", "expected value at line 1 column 1"),
    ] {
        let error = PageResponse::<Instance<'_>>::parse(body).unwrap_err();
        assert_eq!(error, Malformed::Syntax(message.to_owned()), "{}", body.escape_ascii());
    }
    for body in [&b"[]"[..], b"null", b" 1 ", b"\"a\""] {
        let error = PageResponse::<Instance<'_>>::parse(body).unwrap_err();
        assert_eq!(error, Malformed::NotAnObject, "{}", body.escape_ascii());
    }
}

#[test]
fn members_are_found_in_any_order_and_after_unknown_ones() {
    let body = br#"{"AppInstanceModels":[
        {"ChargeType":"PrePaid","New":{"Status":["]"]},"NodeId" :"i-1","Status":"IDLE","AppInstanceId":"a"}]}"#;
    let page = PageResponse::<Instance<'_>>::parse(body).unwrap();
    let instance = &page.models.items[0];
    let read = [instance.charge_type, instance.node_id, instance.status, instance.id].map(text);
    assert_eq!(read.map(Option::unwrap), ["PrePaid", "i-1", "IDLE", "a"]);
}

/// Any JSON value.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        r#"[0-9:+.TZ \\"-]{0,24}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((member(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Prefers names of known members, so that invalid values occur at every level.
fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "AppInstanceId",
            "AppInstanceGroupId",
            "AppInstancePersistentId",
            "Status",
            "BindInfo",
            "EndUserId",
            "UsageDuration",
            "GmtModified",
            "NodePool",
            "NodePoolId",
            "RecurrenceSchedules",
            "RecurrenceType",
            "RecurrenceValues",
            "TimerPeriods",
            "StartTime",
            "Amount",
            "Tags",
            "Key",
            "Apps",
            "OtaInfo",
            "AuthorizedUsers",
            "SessionTimeout",
            "StrategyEnableDate",
            "WarmUp",
        ])
        .prop_map(str::to_owned),
    ]
}

/// A page whose middle element has `value` in the place of `field`.
fn page_with(list: &str, id: &str, mut element: Value, field: &str, value: &Value) -> Vec<u8> {
    element[field] = value.clone();
    serde_json::to_vec(&json!({ "TotalCount": 3, list: [{ id: "first" }, element, { id: "last" }] })).unwrap()
}

/// The ids of the elements that can be read.
fn ids(list: &str, body: &[u8]) -> Vec<String> {
    let mut issues = DecodeIssues::default();
    let options = FoldOptions { nodes: true, detail: true, ..FoldOptions::default() };
    match list {
        Group::LIST => {
            let page = PageResponse::<Group<'_>>::parse(body).unwrap();
            page.models
                .items
                .iter()
                .filter_map(|item| Some(convert::group(item, &mut issues)?.id.into()))
                .collect()
        }
        Instance::LIST => {
            let page = PageResponse::<Instance<'_>>::parse(body).unwrap();
            let read = |item| Some(convert::instance_record(item, options, &mut issues)?.id.into_owned());
            page.models.items.iter().filter_map(read).collect()
        }
        _ => {
            let page = PageResponse::<Persistent<'_>>::parse(body).unwrap();
            let read = |item| Some(convert::persistent_record(item, options, &mut issues)?.id.into_owned());
            page.models.items.iter().filter_map(read).collect()
        }
    }
}

proptest! {
    #[test]
    fn any_value_of_a_field_leaves_other_elements_readable(value in anything(), pick in any::<prop::sample::Index>()) {
        let samples = [
            (Group::LIST, "AppInstanceGroupId", "list_app_instance_group"),
            (Instance::LIST, "AppInstanceId", "list_app_instances"),
            (Persistent::LIST, "AppInstancePersistentId", "list_persistent_app_instances"),
        ];
        let (list, id, sample) = samples[pick.index(samples.len())];
        let sample: Value = serde_json::from_slice(&crate::appstreaming::tests::sample(sample)).unwrap();
        let element = sample[list][0].clone();
        let fields: Vec<String> = element.as_object().unwrap().keys().cloned().collect();
        let field = &fields[pick.index(fields.len())];
        let read = ids(list, &page_with(list, id, element.clone(), field, &value));
        prop_assert_eq!(read.first().map(String::as_str), Some("first"));
        prop_assert_eq!(read.last().map(String::as_str), Some("last"));
        prop_assert!(field == id || read.len() == 3, "{} of {}", field, read.len());
    }

    #[test]
    fn any_value_of_an_element_leaves_other_elements_readable(value in anything()) {
        for list in [Group::LIST, Instance::LIST, Persistent::LIST] {
            let id = match list {
                Group::LIST => "AppInstanceGroupId",
                Instance::LIST => "AppInstanceId",
                _ => "AppInstancePersistentId",
            };
            let body = serde_json::to_vec(&json!({ list: [{ id: "first" }, value, { id: "last" }] })).unwrap();
            let read = ids(list, &body);
            prop_assert_eq!(read.first().map(String::as_str), Some("first"));
            prop_assert_eq!(read.last().map(String::as_str), Some("last"));
        }
    }

    #[test]
    fn the_parser_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = PageResponse::<Group<'_>>::parse(&bytes);
    }

    #[test]
    fn a_page_cut_anywhere_is_an_error(cut in any::<prop::sample::Index>()) {
        let body = crate::appstreaming::tests::sample("list_app_instance_group");
        let end = cut.index(body.trim_ascii_end().len());
        prop_assert!(PageResponse::<Group<'_>>::parse(&body[..end]).is_err());
    }
}
