//! Addresses of pages.

/// `path` with those of `fields` that are not empty.
pub(super) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_what_is_said_and_nothing_that_could_be_taken_for_more() {
        assert_eq!(address("/runs", &[("skill", ""), ("outcome", "")]), "/runs");
        assert_eq!(address("/runs", &[("skill", "a&b=c d"), ("before", "9")]), "/runs?skill=a%26b%3Dc+d&before=9");
    }
}
