//! Parses the pace of simulated or recorded time.

use rust_decimal::Decimal;

/// Parses a pace.
///
/// # Errors
/// A sentence, for anything but a number from 0.1 to 100.
pub fn parse(text: &str) -> Result<Decimal, String> {
    let wrong = || format!("{text:?} is not a pace; use a number from 0.1 to 100");
    let pace: Decimal = text.parse().map_err(|_| wrong())?;
    let range = Decimal::new(1, 1)..=Decimal::ONE_HUNDRED;
    if range.contains(&pace) { Ok(pace) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paces_in_range_are_taken() {
        assert_eq!(parse("0.1").unwrap(), Decimal::new(1, 1));
        assert_eq!(parse("100").unwrap(), Decimal::ONE_HUNDRED);
        for text in ["0", "0.09", "100.1", "-1", "fast", ""] {
            assert!(parse(text).unwrap_err().contains("0.1 to 100"), "{text}");
        }
    }
}
