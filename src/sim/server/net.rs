//! Listeners: accepts connections of one origin, optionally with TLS; can refuse new connections and end all of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use axum::{Extension, Router};
use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::rest_of_body;

/// Time limit for a request's header.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed accept or bind, which doubles up to a maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One origin: a bound listener and its router.
pub(super) struct Listening {
    /// The bound listener.
    pub listener: TcpListener,
    /// TLS, if enabled.
    pub tls: Option<TlsAcceptor>,
    /// The router.
    pub router: Router,
    /// Whether header names are capitalised, as on Alpaca's trading hosts.
    pub title_case: bool,
}

/// Lets a handler end its own connection without an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct HangUp(CancellationToken);

impl HangUp {
    /// Ends the connection; never returns.
    pub(super) async fn now(&self) -> ! {
        self.0.cancel();
        loop {
            std::future::pending::<()>().await;
        }
    }
}

/// External control over connections.
#[derive(Clone)]
pub(super) struct Switches {
    /// Each change ends all connections.
    pub kill: watch::Receiver<u64>,
    /// New connections are refused until then.
    pub refuse: watch::Receiver<Option<Instant>>,
    /// The shutdown signal.
    pub shutdown: CancellationToken,
}

/// Serves an origin until shutdown, then ends its connections.
pub(super) async fn serve(origin: Listening, mut switches: Switches) -> io::Result<()> {
    let address = origin.listener.local_addr()?;
    let mut listener = Some(origin.listener);
    let mut connections = JoinSet::new();
    loop {
        let refused_until = *switches.refuse.borrow_and_update();
        if let Some(until) = refused_until.filter(|until| *until > Instant::now()) {
            // Only a closed port really refuses connections.
            listener = None;
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = switches.refuse.changed() => {}
                () = switches.shutdown.cancelled() => break,
            }
            continue;
        }
        let bound = if let Some(bound) = listener.take() {
            bound
        } else {
            tokio::select! {
                bound = taken(|| TcpListener::bind(address)) => bound,
                () = switches.shutdown.cancelled() => break,
            }
        };
        tokio::select! {
            (stream, _) = taken(|| bound.accept()) => {
                let connection = connection(stream, origin.tls.clone(), origin.router.clone(), origin.title_case, switches.clone());
                connections.spawn(connection);
            },
            _ = switches.refuse.changed() => {}
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = switches.shutdown.cancelled() => break,
        }
        listener = Some(bound);
    }
    connections.shutdown().await;
    Ok(())
}

/// Retries until it works. Without descriptors or memory each attempt fails at once, so attempts become rarer; a
/// connection that ends frees its descriptor.
async fn taken<T, F: Future<Output = io::Result<T>>>(take: impl Fn() -> F) -> T {
    let mut pause = FIRST_PAUSE;
    loop {
        match take().await {
            Ok(taken) => return taken,
            Err(error) => tracing::debug!(%error, ?pause, "a listener of the simulated brokerage waits"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    title_case: bool,
    mut switches: Switches,
) {
    switches.kill.mark_unchanged();
    let hang_up = HangUp::default();
    let router = router.layer(Extension(hang_up.clone()));
    let served = async {
        // Order events are small and must not be delayed by Nagle's algorithm.
        drop(stream.set_nodelay(true));
        match tls {
            None => http(stream, router, title_case).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await {
                    http(stream, router, title_case).await;
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        _ = switches.kill.changed() => {}
        () = hang_up.0.cancelled() => {}
        () = switches.shutdown.cancelled() => {}
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router, title_case: bool) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let (request, rest) = rest_of_body::lend(without_slash(request));
        let answer = router.call(request);
        async move {
            match answer.await {
                Ok(answer) => Ok(rest.settle(answer).await),
                Err(never) => Err(never),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .title_case_headers(title_case)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client may disconnect at any time.
    drop(connection.await);
}

/// Removes trailing slashes from a request's path, which some clients send and the service accepts.
fn without_slash<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path();
    let bare = path.trim_end_matches('/');
    if bare.is_empty() || bare.len() == path.len() {
        return request;
    }
    let target = request.uri().query().map_or_else(|| bare.to_owned(), |query| format!("{bare}?{query}"));
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// A temporary certificate authority, and its certificate for this machine's loopback names.
pub(super) struct Tls {
    /// Accepts connections with the certificate.
    pub acceptor: TlsAcceptor,
    /// The authority's certificate, for clients to trust.
    pub authority_pem: String,
}

/// Creates the authority and the certificate.
///
/// # Errors
/// A message, when keys cannot be created.
pub(super) fn throwaway_tls() -> Result<Tls, String> {
    let sentence = |error: rcgen::Error| error.to_string();
    let mut authority = CertificateParams::new(Vec::new()).map_err(sentence)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "simulated brokerage, throw-away authority");
    let authority_key = KeyPair::generate().map_err(sentence)?;
    let authority_cert = authority.self_signed(&authority_key).map_err(sentence)?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let mut leaf = CertificateParams::new(names).map_err(sentence)?;
    leaf.distinguished_name.push(DnType::CommonName, "simulated brokerage");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate().map_err(sentence)?;
    let leaf_cert = leaf.signed_by(&leaf_key, &Issuer::new(authority, &authority_key)).map_err(sentence)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![leaf_cert.der().clone()], key)
        .map_err(|error| error.to_string())?;
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), authority_pem: authority_cert.pem() })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_listener_without_descriptors_waits_instead_of_spinning() {
        let tries = Cell::new(0);
        let none = || {
            tries.set(tries.get() + 1);
            std::future::ready(Err::<(), _>(io::Error::from_raw_os_error(24)))
        };
        assert!(tokio::time::timeout(Duration::from_millis(300), taken(none)).await.is_err());
        assert!((2..=5).contains(&tries.get()), "after 0, 20, 60 and 140 ms: {}", tries.get());
    }

    #[tokio::test]
    async fn a_connection_is_accepted_once_accepting_works_again() {
        let tries = Cell::new(0);
        let third = || {
            tries.set(tries.get() + 1);
            std::future::ready(if tries.get() < 3 { Err(io::Error::from_raw_os_error(24)) } else { Ok(tries.get()) })
        };
        assert_eq!(taken(third).await, 3);
    }
}
