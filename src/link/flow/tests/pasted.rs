//! Pasted redirect URLs, in every form in which users copy them.

use super::*;

#[test]
fn a_pasted_redirect_url_is_accepted_however_it_was_copied() {
    for shape in [
        "http://localhost:41970/callback?code=c&state=STATE",
        "  http://localhost:41970/callback?code=c&\n  state=STATE \r\n",
        "<http://localhost:41970/callback?code=c&state=STATE>",
        "\"http://localhost:41970/callback?code=c&state=STATE\"",
        "localhost:41970/callback?code=c&state=STATE",
        "HTTP://LOCALHOST:41970/callback?state=STATE&code=c#_=_",
        "https://localhost:41970/callback?code=c&state=STATE",
        "http://127.0.0.1:41970/callback?code=c&state=STATE",
        "http://[::1]:41970/callback?code=c&state=STATE",
        "\u{feff}http://local\u{200b}host:41970/callback?code=c&state=\u{2060}STATE\u{200e}",
        "\x1b[200~http://localhost:41970/callback?code=c&state=STATE\x1b[201~",
        "^[[200~http://localhost:41970/callback?code=c&state=STATE^[[201~",
        "[200~http://localhost:41970/callback?code=c&state=STATE[201~",
        "“http://localhost:41970/callback?code=c&state=STATE”,",
        "`(http://localhost:41970/callback?code=c&amp;state=STATE)`",
        "http://localhost:41970/call\n\tback?co\r\nde=c&sta\nte=STATE\n",
        "$ brokerdeck link\nhttp://localhost:41970/callback?code=c&state=STATE\n$ ",
        "> http://localhost:41970/callback?code=c&state=STATE",
        "> > http://localhost:41970/callback?code=c\n> > &state=STATE\n> > and so on",
        "On Monday Ann wrote:\n>http://localhost:41970/call\n>back?code=c&\n>\n>state=STATE\n",
        "| http://localhost:41970/callback?code=c&state=STATE",
        "> http://localhost:41970/callback?code=3Dc&sta=\n> te=3DSTATE\n",
        "http://localhost:41970/callback?code=3Dc&=\nstate=3DSTATE=\n\nregards",
        "[x](http://localhost:41970/callback?code=c&state=STATE)",
        "[x](http://localhost:41970/callback?state=STATE&code=c) is the address",
        "[http://localhost:41970/callback?state=STATE&code=c](http://localhost:41970/callback?state=STATE&code=c)",
        "I got this (http://localhost:41970/callback?state=STATE&code=c), and now?",
        "It is http://localhost:41970/callback?state=STATE&code=c.",
        "it says http://localhost:41970/callback?state=STATE&code=c in the bar",
        "<a href=\"http://localhost:41970/callback?code=c&amp;state=STATE\">x</a>",
        "curl 'http://localhost:41970/callback?state=STATE&code=c' -v",
        r"http://localhost:41970/callback\?code=c\&state=STATE",
        r"http://localhost:41970/callback\?code\=c\&state\=STATE",
        r#"{"url":"http:\/\/localhost:41970\/callback?code=c\u0026state=STATE"}"#,
        "https://links.example/?url=http%3A%2F%2Flocalhost%3A41970%2Fcallback%3Fcode%3Dc%26state%3DSTATE&data=x",
        "/callback?code=c&state=STATE",
        "?code=c&state=STATE",
        "?state=STATE&code=c",
        "code=c&state=STATE",
        "> code=c&\n> state=STATE",
        "'code=c&state=STATE'",
        "GET /callback?code=c&state=STATE HTTP/1.1",
        "http://localhost:41970/callback?state=STATE&code=c\n$ ",
        "http://localhost:41970/callback?state=STATE&code=c\nis what I got",
        "> http://localhost:41970/callback?code=3Dc&=\r\n> state=3DSTATE\r\n",
        "http://localhost:41970/callback?code=old&state=of-another-attempt-that-is-long-enough-to-count\n\
         http://localhost:41970/callback?code=c&state=STATE",
    ] {
        let mut flow = flow();
        let text = shape.replace("STATE", &state(&flow));
        let CallbackVerdict::Granted(grant) = whole(flow.check_pasted(&text, NOW)).expect(shape) else {
            panic!("{shape}");
        };
        assert_eq!(grant.code.expose_secret(), "c", "{shape}");
    }
}

/// How programs and people change an address, or surround it.
const WRAPPERS: &[fn(&str) -> String] = &[
    |url| url.to_owned(),
    |url| url.replace('&', "&amp;"),
    |url| url.replace('&', "&#38;"),
    |url| url.replace('&', "&#x26;"),
    |url| url.replace('&', "&amp;amp;"),
    |url| url.replace('&', "^&"),
    |url| url.replace('&', "`&"),
    |url| format!("<{url}|{url}>"),
    |url| format!("**{url}**"),
    |url| format!("it is *{url}*!"),
    |url| format!("~{url}~"),
    |url| format!("__{url}__?"),
    |url| format!("[url]{url}[/url]"),
    |url| format!("[URL={url}]here[/URL]"),
    |url| format!("{url}?"),
    |url| format!("「{url}」"),
    |url| format!("see {url}」."),
    |url| [url.get(..30).unwrap(), url.get(30..).unwrap()].join("\u{a0}"),
    |url| [url.get(..30).unwrap(), url.get(30..).unwrap()].join("\u{202f}"),
    |url| [url.get(..30).unwrap(), url.get(30..).unwrap()].join("\t"),
    |url| [url.get(..30).unwrap(), url.get(30..).unwrap()].join("\u{b}"),
    |url| [url.get(..30).unwrap(), url.get(30..).unwrap()].join("\n\t"),
    |url| boxed(url, '│', "┌──────┐", "└──────┘"),
    |url| boxed(url, '|', "+------+", "+------+"),
    |url| boxed(url, '┃', "", ""),
];

fn boxed(url: &str, side: char, top: &str, bottom: &str) -> String {
    let line = |piece: &[u8]| format!("{side} {:<24} {side}\n", std::str::from_utf8(piece).unwrap());
    format!("{top}\n{}{bottom}\n", url.as_bytes().chunks(24).map(line).collect::<String>())
}

#[test]
fn the_code_survives_every_wrapper() {
    for code in ["c", "a*", "a~", "a_", "~a~", "*a*", "_a_", "a-b.c~d", "4/0Ab_c-d"] {
        for order in ["code=CODE&state=STATE", "state=STATE&code=CODE", "state=STATE&code=CODE&scope=x"] {
            for (number, wrapper) in WRAPPERS.iter().enumerate() {
                let mut flow = flow();
                let query = order.replace("CODE", code).replace("STATE", &state(&flow));
                let text = wrapper(&format!("http://localhost:41970/callback?{query}"));
                let CallbackVerdict::Granted(grant) = whole(flow.check_pasted(&text, NOW)).expect(&text) else {
                    panic!("wrapper {number}: {text}");
                };
                assert_eq!(grant.code.expose_secret(), code, "wrapper {number}: {text}");
            }
        }
    }
}

#[test]
fn an_address_pasted_in_two_parts_is_joined_at_any_cut() {
    let (probe, junk) = (flow(), "what is this");
    let text = format!("http://localhost:41970/callback?code=the-code&state={}", state(&probe));
    // A shorter start is ambiguous, and no terminal is that narrow.
    for cut in 8..text.len() {
        let mut flow = flow();
        assert!(matches!(flow.check_pasted(junk, NOW), Pasted::Foreign));
        assert!(matches!(flow.check_pasted(text.get(..cut).unwrap(), NOW), Pasted::Beginning), "{cut}");
        let verdict = whole(flow.check_pasted(text.get(cut..).unwrap(), NOW));
        let Some(CallbackVerdict::Granted(grant)) = verdict else { panic!("{cut}: {verdict:?}") };
        assert_eq!(grant.code.expose_secret(), "the-code");
        assert!(!format!("{flow:?}").contains("the-code"));
    }
    let mut flow = flow();
    assert!(matches!(flow.check_pasted(text.get(..60).unwrap(), NOW), Pasted::Beginning));
    assert!(!format!("{flow:?}").contains("the-code"));
    assert!(matches!(flow.check_pasted(junk, NOW), Pasted::Beginning), "it may be part of the code");
    assert!(whole(flow.check_pasted(&text, NOW)).is_some(), "a complete address is accepted after any other text");
}

#[test]
fn a_paste_undergoes_the_same_checks() {
    let mut flow = flow();
    let right = state(&flow);
    for text in [
        String::new(),
        "hello".to_owned(),
        format!("state={right}"),
        format!("c&state={right}"),
        format!("http://localhost.evil.example:41970/callback?code=c&state={right}"),
        format!("http://notlocalhost:41970/callback?code=c&state={right}"),
        format!("http://evil.example/localhost:41970/callback?code=c&state={right}"),
        format!("http://192.168.1.7:41970/callback?code=c&state={right}"),
        format!("ftp://localhost:41970/callback?code=c&state={right}"),
        format!("http://localhost:41971/callback?code=c&state={right}"),
        format!("http://localhost:41970/other?code=c&state={right}"),
        format!("http://user@localhost:41970/callback?code=c&state={right}"),
        "http://localhost:41970/callback".to_owned(),
        format!("http://localhost:41970/callback?code=c&state={right}&x={}", "y".repeat(17_000)),
        flow.authorize_url().expose().to_owned(),
    ] {
        let verdict = whole(flow.check_pasted(&text, NOW));
        assert!(verdict.is_none(), "{text}: {verdict:?}");
    }
    assert!(
        matches!(flow.check_pasted(&format!("{URI}?code=c&state=x"), NOW), Pasted::Beginning),
        "the state may be continued"
    );
    let wrong = whole(flow.check_pasted(&format!("{URI}?code=c&state={}", "x".repeat(43)), NOW)).unwrap();
    assert_eq!(ignored(&wrong), Some(Ignored::State));
    let doubled = whole(flow.check_pasted(&format!("{URI}?code=c&code=d&state={right}"), NOW)).unwrap();
    assert_eq!(ignored(&doubled), Some(Ignored::Doubled));
    assert!(!flow.is_used());
}

#[test]
fn a_long_code_is_accepted_on_one_line_and_wrapped() {
    for columns in [60, 80, 9_000] {
        let mut flow = flow();
        let code = "c".repeat(7_000);
        let text = format!("{URI}?code={code}&state={}", state(&flow));
        let lines: Vec<&str> = text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let Some(CallbackVerdict::Granted(grant)) = whole(flow.check_pasted(&lines.join("\n"), NOW)) else {
            panic!("{columns}");
        };
        assert_eq!(grant.code.expose_secret(), code);
    }
}
