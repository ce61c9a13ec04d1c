//! Any text is loaded or rejected, and a shown configuration loads again.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_name_and_tag_is_shown_in_a_form_that_loads_again(
        name in "\\PC{0,20}|[\\x00-\\x7f]{0,10}", key in "[^\\x00]{0,12}", value: String,
    ) {
        let [name, key, value] = [format!("n{name}"), key, value].map(|text| toml_text::quoted(&text));
        let text = format!("[[accounts]]\nname = {name}\n[accounts.filter]\ntags = {{ {key} = {value} }}\n");
        let config = toml(&text).config();
        let again = toml(&config.to_string()).config();
        prop_assert_eq!(&again.accounts[0].name, &config.accounts[0].name);
        prop_assert_eq!(&again.accounts[0].filter, &config.accounts[0].filter);
    }

    #[test]
    fn any_file_is_loaded_or_rejected(text in "([a-z\\[\\]{}=\"'.#0-9:, -]|\\n|\\PC){0,80}", name in "x\\.(toml|yaml|json)") {
        let _ = TestFiles::new(&name, &text).load();
    }

    #[test]
    fn any_value_of_any_key_is_loaded_or_rejected(
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
