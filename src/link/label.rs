//! The suggested label of a new link: the broker's name, made unique.

use crate::domain::Environment;

/// The broker's name without `(OAuth)`, with the environment when one consent covers both, and a number if taken.
pub fn default_label<'a>(
    broker_name: &str,
    environment: Environment,
    covers_both: bool,
    taken: impl IntoIterator<Item = &'a str>,
) -> String {
    let plain = broker_name.trim_end_matches("(OAuth)").trim();
    let (base, names_both) = match plain.strip_suffix("Paper and Live") {
        Some(base) => (base.trim(), true),
        None => (plain, false),
    };
    let says_so = base.to_lowercase().contains(environment.as_str());
    let word = match environment {
        Environment::Paper => "Paper",
        Environment::Live => "Live",
    };
    if (covers_both || names_both) && !says_so {
        unique(format!("{base} {word}").trim(), taken)
    } else {
        unique(base, taken)
    }
}

/// The name, or with the first free number from 2 appended; compared case-insensitively.
pub fn unique<'a>(name: &str, taken: impl IntoIterator<Item = &'a str>) -> String {
    let taken: Vec<String> = taken.into_iter().map(str::to_lowercase).collect();
    let is_free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_brokers_name_with_a_number_when_taken() {
        let label =
            |taken: &[&str]| default_label("Alpaca Paper (OAuth)", Environment::Paper, false, taken.iter().copied());
        assert_eq!(label(&[]), "Alpaca Paper");
        assert_eq!(label(&["alpaca paper", "Alpaca Paper 2"]), "Alpaca Paper 3");
        assert_eq!(default_label("Alpaca Paper and Live (OAuth)", Environment::Live, true, []), "Alpaca Live");
        assert_eq!(default_label("Alpaca Paper and Live (OAuth)", Environment::Paper, false, []), "Alpaca Paper");
        assert_eq!(default_label("Alpaca (OAuth)", Environment::Live, true, []), "Alpaca Live");
        assert_eq!(default_label("Acme", Environment::Paper, true, ["x"]), "Acme Paper");
    }
}
