use super::*;

fn policy(variables: &[(&str, &str)]) -> Policy {
    Policy::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
}

fn route(all: &str, no: &str, url: &str) -> Route {
    Route::by(&policy(&[("ALL_PROXY", all), ("NO_PROXY", no)]), &Url::parse(url).unwrap())
}

#[test]
fn websocket_and_rest_take_the_same_route_and_loopback_is_direct() {
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
fn an_unusable_proxy_variable_is_named_and_prevents_a_direct_connection() {
    let with = |name: &str, value: &str| policy(&[(name, value)]).unusable.map(|unusable| unusable.to_string());
    for (value, why) in [
        ("ftp://proxy:21", "neither http, https, socks4"),
        ("http://", "not an address"),
        ("http://:3128", "no host"),
        ("http://proxy:99999", "port is not between 1 and 65535"),
        ("http://proxy:0", "port is not between 1 and 65535"),
        ("socks5h://proxy:65536", "port is not between 1 and 65535"),
        ("http://proxy:port", "port is not between 1 and 65535"),
        ("http://pro xy:1", "not an address"),
        ("http://ann:12#3@proxy:1", "percent-encoding"),
        ("http://ann:12/3@proxy:1", "percent-encoding"),
        ("http://ann:pass/word@proxy:1", "percent-encoding"),
        ("http://ann:pass#word@proxy:1", "percent-encoding"),
        ("http://ann:pass?word@proxy:1", "percent-encoding"),
        ("socks4://ann@proxy:1", "can be sent with SOCKS 4"),
        ("SOCKS4A://ann:hush-hush@proxy:1", "can be sent with SOCKS 4"),
        (&format!("socks5h://ann:{}@proxy:1", "x".repeat(256)), "longer than the 255 bytes"),
    ] {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let said = with(name, value).unwrap_or_else(|| panic!("{value} is accepted"));
            assert!(said.starts_with(name) && said.contains(why), "{value}: {said}");
        }
        for url in ["https://api.alpaca.markets/v2", "wss://api.alpaca.markets/stream"] {
            assert!(route(value, "", url).to_string().starts_with("nowhere, because ALL_PROXY"), "{value}");
            assert_eq!(route(value, "alpaca.markets", url).to_string(), "directly", "{value}");
        }
        assert_eq!(route(value, "", "https://127.0.0.1:9").to_string(), "directly");
    }
    for value in [
        "SOCKS5://proxy",
        "Socks5H://u:p@proxy:1",
        "HTTP://proxy",
        "proxy.corp:3128",
        "http://proxy",
        "http://proxy:",
        "https://u:p%23@[::1]:1/",
        "socks4a://p:65535",
        "",
    ] {
        assert_eq!(with("HTTPS_PROXY", value), None, "{value}");
    }
    // Only the variable in effect is checked.
    assert_eq!(policy(&[("HTTPS_PROXY", "http://proxy:1"), ("all_proxy", "ftp://x")]).unusable, None);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let odd = Policy::read(|_| Some(std::ffi::OsString::from_vec(b"http://\xff".to_vec()))).unusable;
        assert!(odd.unwrap().to_string().contains("not text"));
    }
}

#[tokio::test]
async fn an_unusable_proxy_prevents_any_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("wss://127.0.0.1:{}", listener.local_addr().unwrap().port())).unwrap();
    let unusable = policy(&[("HTTPS_PROXY", "http://proxy:99999")]).unusable.unwrap();
    let tls = crate::broker::tls::client_config(None).unwrap();
    let Err(said) = through(&Route(Way::Nowhere(unusable)), &url, &tls).await else { panic!("it opens") };
    assert!(said.to_string().contains("HTTPS_PROXY") && said.to_string().contains("unset it"), "{said}");
    let came = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(came.is_err(), "it was dialled directly");
}

#[test]
fn an_unknown_issuer_names_its_hint() {
    let error = std::io::Error::other("invalid peer certificate: UnknownIssuer");
    let text = chain("cannot connect", &error).to_string();
    assert!(text.contains("SSL_CERT_FILE") && text.contains("ca_file"), "{text}");
    assert_eq!(chain("", &std::io::Error::other("timed out")).to_string(), "timed out");
}

#[test]
fn no_proxy_supports_the_forms_of_other_programs() {
    let goes = |no: &str, url: &str| route("http://proxy:1", no, url).to_string();
    for no in [
        "*.markets",
        "alpaca.markets.",
        ".alpaca.markets.",
        "api.alpaca.markets:443",
        "a.test;api.alpaca.markets",
        "a.test api.alpaca.markets",
        "API.Alpaca.Markets",
        "*:443",
        "10.*,alpaca.markets",
    ] {
        assert_eq!(goes(no, "https://api.alpaca.markets/v2"), "directly", "{no}");
        assert_eq!(goes(no, "wss://api.alpaca.markets./v2"), "directly", "{no}");
    }
    for no in ["api.alpaca.markets:80", "*lpaca.markets", "paca.markets", "<local>", "api.*", "*:80", "10.0.0.0/8", "."]
    {
        assert_eq!(goes(no, "https://api.alpaca.markets/v2"), "through the proxy http://proxy:1", "{no}");
    }
    for no in ["10.0.0.0/8", "10.1.2.3", "10.1.2.3:8443", "fe80::/10,10.1.2.3"] {
        assert_eq!(goes(no, "https://10.1.2.3:8443"), "directly", "{no}");
    }
    for no in ["fe80::1", "[fe80::1]", "[fe80::1]:443", "fe80::/10"] {
        assert_eq!(goes(no, "https://[fe80::1]/"), "directly", "{no}");
    }
    let text = "*.a.test, b:443;c. , <local> 10.* http://d/ 10.0.0.0/33 e:port http://u:zqCANARY@f:1";
    let read = policy(&[("HTTPS_PROXY", "proxy:1"), ("no_proxy", text)]);
    assert_eq!(read.exempt.meaningless, ["<local>", "10.*", "http://d/", "10.0.0.0/33", "e:port", "f:1"]);
}

#[test]
fn no_other_variable_makes_a_connection_go_directly() {
    let read =
        policy(&[("REQUEST_METHOD", "GET"), ("HTTPS_PROXY", "http://proxy:1"), ("HTTP_PROXY", "http://other:1")]);
    let way = Route::by(&read, &Url::parse("https://api.alpaca.markets").unwrap());
    assert_eq!(way.to_string(), "through the proxy http://proxy:1");
}

#[derive(Debug)]
struct Said(&'static str, Option<Box<Said>>);

impl Said {
    fn of(words: &[&'static str]) -> Self {
        let (first, rest) = words.split_first().unwrap();
        Self(first, (!rest.is_empty()).then(|| Box::new(Self::of(rest))))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Said {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|said| said as _)
    }
}

#[test]
fn a_refusing_proxy_is_named_with_a_hint_and_without_its_password() {
    let url = Url::parse("https://api.example/v2").unwrap();
    let said = |proxy: &str, last: &'static str| {
        let Way::Proxy(proxy) = route(proxy, "", "https://api.example").0 else { panic!("a proxy") };
        let error = Said::of(&["error sending request", "client error (Connect)", last]);
        words::through(&proxy, &url, "cannot connect", &error).to_string()
    };
    let (with, without) = ("http://ann:hush-hush@proxy:1", "http://proxy:1");
    for (proxy, last, expected) in [
        (
            with,
            "tunnel error: proxy authorization required",
            "it does not accept the user name and password of its address (basic authentication)",
        ),
        (without, "tunnel error: proxy authorization required", "it wants a user name and a password; write them"),
        (
            with,
            "tunnel error: unsuccessful",
            "it does not open a tunnel; check that it is a working HTTP proxy and lets api.example through",
        ),
        (with, "tunnel error: proxy response headers too long", "its answer to CONNECT is malformed"),
    ] {
        let text = said(proxy, last);
        assert!(text.starts_with(&format!("cannot connect: the proxy http://proxy:1: {expected}")), "{text}");
        assert!(!text.contains("hush") && !text.contains("tunnel error"), "{text}");
    }
    let late = said(with, "operation timed out");
    assert!(late.starts_with("cannot connect: the proxy http://proxy:1: it does not open a tunnel in time"), "{late}");
    assert_eq!(
        said(with, "tunnel error: io error establishing tunnel"),
        "cannot connect through the proxy http://proxy:1: it failed"
    );
    assert!(said(with, "invalid peer certificate: UnknownIssuer").contains("SSL_CERT_FILE"));
}

#[test]
fn library_internals_are_removed_from_messages() {
    let closed = "peer closed connection without sending TLS close_notify: \
                  https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof";
    let error = Said::of(&["IO error", closed]);
    assert_eq!(chain("", &error).to_string(), "the other side closed the connection");
    let error = Said::of(&[
        "IO error: received corrupt message of type InvalidContentType",
        "received corrupt message of type InvalidContentType",
    ]);
    assert_eq!(chain("", &error).to_string(), "the server there does not speak TLS");
    let error = Said::of(&[
        "error sending request",
        "client error (Connect)",
        "tcp connect error",
        "Connection refused (see https://a.b/c)",
    ]);
    let text = chain("cannot connect", &error).to_string();
    assert_eq!(text, "cannot connect: tcp connect error: Connection refused (see");
    assert_eq!(chain("", &Said::of(&["error sending request"])).to_string(), "it failed");
}

/// Starts a proxy that handles every connection with `does`; returns its address.
async fn proxy_that<F: Future<Output = ()> + Send>(does: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            does(socket).await;
        }
    });
    place.to_string()
}

/// Reads the head of a request.
async fn asked(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The sentences of stream and REST about a failing proxy.
async fn both(who: &str, place: &str) -> [String; 2] {
    both_to("https://api.example/v2", &format!("http://{who}{place}")).await
}

/// The sentences of stream and REST about a connection to this address through a proxy that fails.
async fn both_to(url: &str, proxy: &str) -> [String; 2] {
    let url = Url::parse(url).unwrap();
    let route = route(proxy, "", url.as_str());
    let tls = crate::broker::tls::client_config(None).unwrap();
    let Way::Proxy(proxy) = &route.0 else { panic!("a proxy") };
    let client = http_by(route.clone(), &url, &tls).unwrap().build().unwrap();
    let (stream, rest) = tokio::join!(through(&route, &url, &tls), client.get(url.clone()).send());
    let (Err(stream), Err(error)) = (stream, rest) else { panic!("it opens") };
    let rest = words::asked(proxy, &url, &tls, "", &error).await;
    let both = [stream.to_string(), rest.to_string()];
    assert!(!both.concat().contains("hush"), "{both:?}");
    both
}

#[tokio::test]
async fn stream_and_rest_describe_a_proxys_failure_alike() {
    for (answer, given, expected) in [
        (
            "HTTP/1.1 407 No\r\n",
            true,
            "it does not accept the user name and password of its address (basic authentication)",
        ),
        ("HTTP/1.1 407 No\r\n", false, "it wants a user name and a password; write them into"),
        ("HTTP/1.1 407 \x1b]52;c;eA==\x07 hush-hush\r\n", true, "it does not accept the user name and password"),
        ("HTTP/1.1 403 No\r\n", true, "it does not open a tunnel (status 403); ask whoever runs it to let api.example"),
        ("HTTP/1.0 502 No\r\n", true, "it does not open a tunnel (status 502); it is down or cannot reach"),
        ("HTTP/1.1 302 Found\r\n", true, "it does not open a tunnel (status 302); if this network asks you to sign in"),
        (
            "HTTP/1.1 511 Sign in\r\n",
            true,
            "it does not open a tunnel (status 511); if this network asks you to sign in",
        ),
        ("HTTP/0.9 200\r\n", true, "its answer to CONNECT is malformed"),
        ("SSH-2.0-OpenSSH_9.0\r\n", true, "its answer to CONNECT is malformed"),
    ] {
        let place = proxy_that(move |mut socket| async move {
            let text = asked(&mut socket).await;
            let reported = text.to_lowercase().contains("proxy-authorization: basic yw5uomh1c2gtahvzaa==");
            assert_eq!(reported, given, "{text}");
            // A response with an HTML body on a connection that stays open, as proxies send.
            let page = format!("{answer}Content-Length: 5\r\n\r\nhello");
            socket.write_all(page.as_bytes()).await.unwrap();
            tokio::spawn(async move { while socket.read_u8().await.is_ok() {} });
        })
        .await;
        let [stream, rest] = both(if given { "ann:hush-hush@" } else { "" }, &place).await;
        assert!(stream.starts_with(&format!("the proxy http://{place}: {expected}")), "{stream}");
        assert_eq!(rest, stream);
    }
}

#[tokio::test]
async fn a_proxy_that_never_completes_its_response_is_named() {
    let waits = async |drips: bool| {
        let place = proxy_that(move |mut socket| async move {
            tokio::spawn(async move {
                asked(&mut socket).await;
                let mut sent = socket.write_all(b"HTTP/1.1 200 OK\r\n").await;
                while sent.is_ok() {
                    tokio::time::sleep(HANDSHAKE / 10).await;
                    sent = if drips { socket.write_all(b"X").await } else { Ok(()) };
                }
            });
        })
        .await;
        let [stream, rest] = both("ann:hush-hush@", &place).await;
        let expected = format!("the proxy http://{place}: it does not open a tunnel in time; it is down or cannot");
        assert!(stream.starts_with(&expected), "{stream}");
        assert_eq!(rest, stream);
    };
    tokio::join!(waits(false), waits(true));
}

#[tokio::test]
async fn a_name_that_only_the_proxy_may_resolve_names_the_schemes_that_let_it() {
    let place = proxy_that(async |socket| drop(socket)).await;
    for (scheme, url) in [("socks4", "https://host.invalid/v2"), ("socks5", "https://host.invalid/v2")] {
        let [stream, rest] = both_to(url, &format!("{scheme}://{place}")).await;
        assert!(stream.starts_with(&format!("the proxy {scheme}://{place}: this machine cannot resolve")), "{stream}");
        assert!(stream.contains("socks5h://") && hint(&stream).contains("correct the proxy"), "{stream}");
        assert_eq!(rest, stream, "{url}");
    }
    for scheme in ["socks4a", "socks5h"] {
        let said = both_to("https://host.invalid/v2", &format!("{scheme}://{place}")).await.concat();
        assert!(!said.contains("resolve"), "{said}");
    }
}

/// A SOCKS proxy that answers each message with the next of these.
async fn socks_that(answers: &'static [&'static [u8]]) -> String {
    proxy_that(move |mut socket| async move {
        for answer in answers {
            let mut asked = [0; 600];
            if socket.read(&mut asked).await.is_err() || socket.write_all(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn stream_and_rest_describe_a_socks_proxys_failure_alike() {
    let name = "https://api.example/v2";
    let refused: &[&[u8]] = &[&[5, 255]];
    for (scheme, who, url, answers, expected) in [
        ("socks5h", "", name, refused, "it wants a user name and a password; write them into its address"),
        ("socks5h", "ann:hush-hush@", name, refused, "it takes no user name and password; remove them"),
        (
            "socks5h",
            "ann:hush-hush@",
            name,
            &[&[5, 2], &[1, 1]],
            "it does not accept the user name and password of its address",
        ),
        (
            "socks5h",
            "",
            name,
            &[&[5, 0], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]],
            "it does not open a tunnel (connection not allowed); ask whoever runs it to let api.example through",
        ),
        (
            "socks5",
            "",
            "https://[2001:db8::1]/v2",
            &[&[5, 0], &[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]],
            "it does not open a tunnel (host unreachable); it is down or cannot reach [2001:db8::1]",
        ),
        ("socks5h", "", name, &[b"HTTP/1.1 400 Bad\r\n\r\n"], "it does not answer like a SOCKS proxy of this version"),
        ("socks5h", "", name, &[b""], "it does not answer like a SOCKS proxy of this version; check the scheme"),
        ("socks4a", "", name, &[&[0, 91, 0, 0, 0, 0, 0, 0]], "it does not open a tunnel (server failed to execute"),
        ("socks4a", "", name, &[&[0, 93, 0, 0, 0, 0, 0, 0]], "it wants to know the user, which cannot be sent with"),
        ("socks4a", "", "https://[2001:db8::1]/v2", &[b""], "SOCKS 4 reaches no IPv6 address ([2001:db8::1]); write"),
        ("socks4", "", "https://[2001:db8::1]/v2", &[b""], "SOCKS 4 reaches no IPv6 address ([2001:db8::1]); write"),
    ] {
        let place = socks_that(answers).await;
        let [stream, rest] = both_to(url, &format!("{scheme}://{who}{place}")).await;
        assert!(stream.starts_with(&format!("the proxy {scheme}://{place}: {expected}")), "{stream}");
        assert_eq!(rest, stream);
        assert!(hint(&stream).contains("correct the proxy"), "{stream}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named_with_the_reason() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    for (place, reason) in [(free.as_str(), "refused"), ("proxy.invalid:1080", "")] {
        for scheme in ["http", "https", "socks4a", "socks5h"] {
            let [stream, rest] = both_to("https://api.example/v2", &format!("{scheme}://{place}")).await;
            let start = format!("the proxy {scheme}://{place}: it cannot be reached (");
            assert!(stream.starts_with(&start) && stream.contains(reason), "{stream}");
            assert!(stream.contains("; check its host and port"), "{stream}");
            assert_eq!(rest, stream);
            assert!(hint(&stream).contains("correct the proxy"), "{stream}");
        }
    }
}

#[test]
fn the_hint_agrees_with_the_sentence() {
    let unknown = std::io::Error::other("invalid peer certificate: UnknownIssuer");
    assert!(hint(&chain("", &unknown).to_string()).contains("SSL_CERT_FILE"));
    let url = Url::parse("https://api.alpaca.markets").unwrap();
    for refusal in [words::Refusal::Status(Some(403)), words::Refusal::Credentials { given: false }] {
        let said = format!("the proxy http://proxy.corp:3128: {}", refusal.to(&url));
        assert!(hint(&said).contains("NO_PROXY"), "{said}");
    }
    assert!(hint("the connection was refused").contains("check the network"));
}
