use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use super::*;

/// As long as Alpaca's, with characters that encodings change.
const SECRET: &str = "k3y/Zq+9~canary=Wm-7_Lx?4t";

fn redactor() -> Redactor {
    Redactor::of([&SecretString::from(SECRET)])
}

fn redacted(text: &str, limit: usize) -> String {
    redactor().words(&Untrusted::from(text), limit)
}

/// The length of the longest part of a form of the secret that a text shows.
fn shown(text: &str, form: &str) -> usize {
    (0..form.len())
        .flat_map(|start| (start + 1..=form.len()).map(move |end| (start, end)))
        .filter(|(start, end)| form.get(*start..*end).is_some_and(|part| text.contains(part)))
        .map(|(start, end)| end - start)
        .max()
        .unwrap_or(0)
}

#[test]
fn a_secret_at_the_cut_is_redacted_before_the_cut() {
    for before in 0..60 {
        let text = redacted(&format!("{} {SECRET} rest", "x".repeat(before)), 40);
        assert!(shown(&text, SECRET) < 3, "{before}: {text}");
    }
}

#[test]
fn a_secret_cut_by_a_peer_is_redacted() {
    for length in PART..SECRET.len() {
        let (head, tail) = (SECRET.get(..length).unwrap(), SECRET.get(SECRET.len() - length..).unwrap());
        assert_eq!(redacted(&format!("bad token {head}"), 200), "bad token …");
        assert_eq!(redacted(&format!("{tail} is no token"), 200), "… is no token");
    }
}

#[test]
fn base64_at_every_alignment_and_in_every_alphabet_is_redacted() {
    for before in ["", "a", "ab", "client:", "Bearer "] {
        for after in ["", "x", "xy"] {
            let plain = format!("{before}{SECRET}{after}");
            for form in [
                STANDARD.encode(&plain),
                STANDARD_NO_PAD.encode(&plain),
                URL_SAFE.encode(&plain),
                URL_SAFE_NO_PAD.encode(&plain),
            ] {
                let text = redacted(&format!("sent: {form}."), 500);
                let alone = encoded(SECRET.as_bytes(), before.len() % 3);
                assert!(text.contains('…') && shown(&text, &alone) < 4, "{plain}: {form} shown as {text}");
                let percent: String = url::form_urlencoded::byte_serialize(form.as_bytes()).collect();
                assert!(shown(&redacted(&percent, 500), &alone) < 4, "{percent}");
            }
        }
    }
}

#[test]
fn percent_encoded_and_escaped_forms_are_redacted() {
    let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let every = |upper: bool| {
        SECRET.bytes().fold(String::new(), |text, byte| {
            if upper { format!("{text}%{byte:02X}") } else { format!("{text}%{byte:02x}") }
        })
    };
    let escaped = SECRET.chars().fold(String::new(), |text, ch| format!("{text}\\u{:04x}", u32::from(ch)));
    let slashes = SECRET.replace('/', "\\/");
    let hidden = SECRET.replace('c', "c\u{200b}");
    for sent in [form, every(true), every(false), escaped, slashes, hidden] {
        assert_eq!(redacted(&format!("code={sent}&state=x"), 500), "code=…&state=x", "{sent}");
    }
}

#[test]
fn a_secret_that_contains_a_percent_sign_or_a_backslash_is_redacted() {
    for secret in ["abc%41defghij\\\"k", "%25%25%25%25", "\\\\\\\\u0041"] {
        let redactor = Redactor::of([&SecretString::from(secret)]);
        let json = serde_json::Value::from(secret).to_string();
        for text in [secret.to_owned(), json] {
            assert!(shown(&redactor.words(&Untrusted::from(&*text), 500), secret) < 3, "{text}");
        }
    }
}

#[test]
fn text_without_a_secret_is_unchanged() {
    let plain = "insufficient buying power: 12.50 % of 1000/2000 (ref a-b_c+d) \"quoted\" \\ é漢";
    assert_eq!(redacted(plain, 500), plain);
    assert_eq!(Redactor::of([&SecretString::from("")]).words(&Untrusted::from(plain), 500), plain);
}

#[test]
fn short_secrets_are_redacted_whole() {
    let redactor = Redactor::of([&SecretString::from("hush")]);
    assert_eq!(redactor.words(&Untrusted::from("no hush, hushed"), 500), "no …, …ed");
}
