//! A company's proxy: accepts `CONNECT`, intercepts TLS with its own authority, and forwards.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) struct Proxy {
    pub address: SocketAddr,
    /// The PEM file of its authority.
    pub authority: PathBuf,
    heads: Arc<Mutex<Vec<String>>>,
    _dir: tempfile::TempDir,
}

impl Proxy {
    /// Forwards to these plain addresses by host name; with `credentials`, only for clients that send them.
    pub(super) async fn start(hosts: &[(&str, SocketAddr)], credentials: Option<&str>) -> Self {
        let names: Vec<String> = hosts.iter().map(|(name, _)| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let authority = dir.path().join("company.pem");
        std::fs::write(&authority, made.cert.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let work = Arc::new(Work {
            hosts: hosts.iter().map(|(name, to)| (format!("{name}:443"), *to)).collect(),
            credentials: credentials.map(str::to_owned),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            heads: Arc::clone(&heads),
        });
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let work = Arc::clone(&work);
                // A client may disconnect at any time.
                tokio::spawn(async move { drop(work.serve(socket).await) });
            }
        });
        Self { address, authority, heads, _dir: dir }
    }

    /// The heads of the requests received.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// The request with the plain address as its host, the only one that the local server accepts.
fn addressed(bytes: &[u8], name: &str, to: &SocketAddr) -> Vec<u8> {
    let at = bytes.windows(name.len()).position(|window| window == name.as_bytes());
    let Some(at) = at else { return bytes.to_vec() };
    [&bytes[..at], format!("ost: {to}").as_bytes(), &bytes[at + name.len()..]].concat()
}

struct Work {
    hosts: HashMap<String, SocketAddr>,
    credentials: Option<String>,
    acceptor: TlsAcceptor,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Work {
    async fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        self.heads.lock().unwrap().push(head.clone());
        let welcome = self.credentials.as_ref().is_none_or(|wanted| {
            head.lines().any(|line| line.to_lowercase().starts_with("proxy-authorization: ") && line.ends_with(wanted))
        });
        let target = head.split(' ').nth(1).unwrap_or_default();
        let answer = match self.hosts.get(target) {
            _ if !head.starts_with("CONNECT ") => "405 Method Not Allowed",
            _ if !welcome => "407 Proxy Authentication Required",
            None => "403 Forbidden",
            Some(_) => "200 Connection established",
        };
        socket.write_all(format!("HTTP/1.1 {answer}\r\nVia: 1.1 company\r\n\r\n").as_bytes()).await?;
        if let Some(to) = self.hosts.get(target).filter(|_| answer.starts_with("200")) {
            let (mut requests, mut answers) = tokio::io::split(self.acceptor.accept(socket).await?);
            let (mut back, mut on) = TcpStream::connect(to).await?.into_split();
            let name = format!("ost: {}", target.trim_end_matches(":443"));
            let there = async {
                let mut bytes = vec![0; 64 * 1024];
                loop {
                    let read = requests.read(&mut bytes).await?;
                    if read == 0 {
                        return on.shutdown().await;
                    }
                    on.write_all(&addressed(&bytes[..read], &name, to)).await?;
                }
            };
            tokio::try_join!(there, tokio::io::copy(&mut back, &mut answers))?;
        }
        Ok(())
    }
}
