use super::*;

fn route(all: &str, no: &str, url: &str) -> Route {
    let policy = Policy {
        matcher: Matcher::builder().all(all.to_owned()).no(no.to_owned()).build(),
        left: Matcher::builder().all("http://proxy".to_owned()).no(no.to_owned()).build(),
        unusable: variables::unusable(|name| (name == "ALL_PROXY").then(|| all.into())),
    };
    Route::by(&policy, &Url::parse(url).unwrap())
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
fn a_variable_that_names_no_usable_proxy_is_named_and_nothing_goes_directly_instead() {
    let with = |name: &'static str, value: &'static str| {
        let found = variables::unusable(move |asked| (asked == name).then(|| value.into()));
        found.map(|unusable| unusable.to_string())
    };
    for (value, why) in [
        ("ftp://proxy:21", "neither http, https, socks4"),
        ("http://", "no address"),
        ("http://:3128", "no host"),
        ("http://proxy:99999", "port is not between 1 and 65535"),
        ("http://proxy:0", "port is not between 1 and 65535"),
        ("socks5h://proxy:65536", "port is not between 1 and 65535"),
        ("http://proxy:port", "port is not between 1 and 65535"),
        ("http://pro xy:1", "no address"),
        ("http://ann:12#3@proxy:1", "percent-encoding"),
        ("http://ann:12/3@proxy:1", "percent-encoding"),
    ] {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let said = with(name, value).unwrap_or_else(|| panic!("{value} is taken"));
            assert!(said.starts_with(name) && said.contains(why), "{value}: {said}");
        }
        for url in ["https://api.alpaca.markets/v2", "wss://api.alpaca.markets/stream"] {
            assert!(route(value, "", url).to_string().starts_with("not at all, because ALL_PROXY"), "{value}");
            assert_eq!(route(value, "alpaca.markets", url).to_string(), "directly", "{value}");
        }
        assert_eq!(route(value, "", "https://127.0.0.1:9").to_string(), "directly");
    }
    for value in
        ["proxy.corp:3128", "http://proxy", "http://proxy:", "https://u:p%23@[::1]:1/", "socks4a://p:65535", ""]
    {
        assert_eq!(with("HTTPS_PROXY", value), None, "{value}");
    }
    // The one that counts is looked at.
    let both = |name: &str| match name {
        "HTTPS_PROXY" => Some("http://proxy:1".into()),
        "all_proxy" => Some("ftp://x".into()),
        _ => None,
    };
    assert_eq!(variables::unusable(both), None);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let odd = variables::unusable(|_| Some(std::ffi::OsString::from_vec(b"http://\xff".to_vec())));
        assert!(odd.unwrap().to_string().contains("no text"));
    }
}

#[tokio::test]
async fn through_a_proxy_that_is_none_nothing_is_dialled() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("wss://127.0.0.1:{}", listener.local_addr().unwrap().port())).unwrap();
    let unusable = variables::unusable(|_| Some("http://proxy:99999".into())).unwrap();
    let tls = crate::broker::tls::client_config(None).unwrap();
    let Err(said) = through(&Route(Way::Nowhere(unusable)), &url, &tls).await else { panic!("it opens") };
    assert!(said.to_string().contains("HTTPS_PROXY") && said.to_string().contains("unset it"), "{said}");
    let came = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(came.is_err(), "it was dialled directly");
}

#[test]
fn an_unknown_issuer_names_its_cure() {
    let error = std::io::Error::other("invalid peer certificate: UnknownIssuer");
    let text = chain("cannot connect", &error).to_string();
    assert!(text.contains("SSL_CERT_FILE") && text.contains("ca_file"), "{text}");
    assert_eq!(chain("", &std::io::Error::other("timed out")).to_string(), "timed out");
}
