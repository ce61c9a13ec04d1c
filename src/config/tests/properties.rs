//! Whatever is written: it is read or refused, and shown so that it can be read again.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_operators_own_words_are_they_are_shown_so_that_they_load_again(
        name in "\\PC{0,20}|[\\x00-\\x7f]{0,10}", key in "[^\\x00]{0,12}", value: String,
    ) {
        let mut config = load(&Sources::default()).expect("sound").config;
        config.accounts[0].name = format!("n{name}");
        config.accounts[0].filter.tags.insert(key, value);
        let again = toml(&config.redacted()).config();
        prop_assert_eq!(&again.accounts[0].name, &config.accounts[0].name);
        prop_assert_eq!(&again.accounts[0].filter, &config.accounts[0].filter);
    }

    #[test]
    fn no_file_upsets_the_loader(text in "([a-z\\[\\]{}=\"'.#0-9:, -]|\\n|\\PC){0,80}", name in "x\\.(toml|yaml|json)") {
        let _ = Written::new(&name, &text).load();
    }

    #[test]
    fn no_value_of_any_key_upsets_the_loader(
        key in 0..schema::KEYS.len(),
        value in prop_oneof![
            "[0-9a-z]{0,6}",
            Just("[]".to_owned()), Just("[{}]".to_owned()), Just("{}".to_owned()), Just("-1".to_owned()),
            Just("99999999999999999999".to_owned()), Just("9e999".to_owned()), Just("[[1]]".to_owned()),
            Just("1979-05-27".to_owned()), Just("nan".to_owned()), Just("{ a = { b = 1 } }".to_owned()),
        ],
    ) {
        let path = schema::KEYS[key].0.replace('*', "0");
        let _ = toml("").set(&format!("{path}={value}")).load();
        let inline = path.replace("accounts.0.", "accounts.");
        let section = inline.rsplit_once('.').map_or(String::new(), |(section, _)| format!("[{section}]\n"));
        let name = inline.rsplit('.').next().unwrap_or_default();
        let array = if inline.starts_with("accounts.") { "[[accounts]]\n" } else { "" };
        let section = if section == "[accounts]\n" { String::new() } else { section };
        let _ = toml(&format!("{array}{section}{name} = {value}\n")).load();
        let _ = toml(&format!("{array}{section}{name} = \"{value}\"\n")).load();
    }
}
