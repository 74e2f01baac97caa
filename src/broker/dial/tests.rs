use super::*;

fn route(all: &str, no: &str, url: &str) -> Route {
    let matcher = Matcher::builder().all(all.to_owned()).no(no.to_owned()).build();
    Route::by(&matcher, &Url::parse(url).unwrap())
}

#[test]
fn a_websocket_goes_the_way_of_rest_and_nothing_of_this_machine_goes_out() {
    let proxy = "http://ann:hush-hush@proxy.corp:3128";
    for url in ["https://api.alpaca.markets/v2", "wss://api.alpaca.markets/stream"] {
        let way = route(proxy, "", url);
        assert_eq!(way.to_string(), "through the proxy http://proxy.corp:3128");
        assert!(!format!("{way:?}").contains("hush"));
        for no in ["alpaca.markets", ".alpaca.markets", "api.alpaca.markets", "*"] {
            assert_eq!(route(proxy, no, url).to_string(), "directly", "{no}");
        }
    }
    for url in ["ws://localhost:9/stream", "https://127.0.0.1:9", "http://[::1]:9"] {
        assert_eq!(route(proxy, "", url).to_string(), "directly");
    }
    assert_eq!(route("", "", "https://api.alpaca.markets").to_string(), "directly");
    assert_eq!(
        route("socks5h://localhost", "", "wss://a.example").to_string(),
        "through the proxy socks5h://localhost:1080"
    );
}

#[test]
fn a_variable_that_names_no_usable_proxy_is_found() {
    let with = |name: &'static str, value: &'static str| {
        unusable_variable(move |asked| (asked == name).then(|| value.to_owned()))
    };
    assert_eq!(with("HTTPS_PROXY", "ftp://proxy:21"), Some("HTTPS_PROXY"));
    assert_eq!(with("all_proxy", "http://"), Some("all_proxy"));
    assert_eq!(with("HTTPS_PROXY", "proxy.corp:3128"), None);
    assert_eq!(with("HTTPS_PROXY", ""), None);
}

#[test]
fn an_unknown_issuer_names_its_cure() {
    let error = std::io::Error::other("invalid peer certificate: UnknownIssuer");
    let text = chain("cannot connect", &error).to_string();
    assert!(text.contains("SSL_CERT_FILE") && text.contains("ca_file"), "{text}");
    assert_eq!(chain("", &std::io::Error::other("timed out")).to_string(), "timed out");
}
