//! One TLS configuration for REST, websocket and token exchange.
//!
//! Owns the set of trusted authorities: the built-in ones, the system's, and a broker's own, all together.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::config::plain;

/// The authorities that the system trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in their place.
#[derive(Debug)]
pub struct System {
    certificates: Vec<CertificateDer<'static>>,
    /// Why some could not be read, as a sentence.
    pub trouble: Option<String>,
}

impl System {
    /// The authorities, read once per process: a file of hundreds of kilobytes, or a call to a service.
    pub fn trusted() -> &'static Self {
        static SYSTEM: OnceLock<System> = OnceLock::new();
        SYSTEM.get_or_init(|| {
            let found = Self::load(std::env::var_os("SSL_CERT_FILE").map(PathBuf::from));
            if let Some(trouble) = &found.trouble {
                tracing::warn!("some of the system's certificate authorities could not be read: {trouble}");
            }
            found
        })
    }

    fn load(named: Option<PathBuf>) -> Self {
        // Only a plain file, because the library reads to the end, which a pipe or a device may not have.
        if let Some(path) = named.as_deref().filter(|path| path.exists())
            && let Err(error) = plain(path)
        {
            let folder = std::env::var_os("SSL_CERT_DIR").map(PathBuf::from);
            let certificates = rustls_native_certs::load_certs_from_paths(None, folder.as_deref()).certs;
            return Self { certificates, trouble: Some(format!("{} cannot be read: {error}", path.display())) };
        }
        let found = rustls_native_certs::load_native_certs();
        // A certificate that the verifier cannot read is not counted.
        let usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
        let certificates: Vec<_> = found.certs.into_iter().filter(usable).collect();
        let trouble = match (found.errors.first(), named) {
            (_, Some(path)) if path.as_os_str().is_empty() => Some("SSL_CERT_FILE is set but empty".to_owned()),
            (Some(error), _) => Some(error.to_string()),
            // A key or another text: no error is reported, and it contains no authority.
            (None, Some(path)) if certificates.is_empty() => Some(format!("{} holds no certificate", path.display())),
            (None, None) if certificates.is_empty() => Some("no certificate was found".to_owned()),
            (None, _) => None,
        };
        Self { certificates, trouble }
    }

    /// The number of authorities.
    pub fn count(&self) -> usize {
        self.certificates.len()
    }
}

/// A configuration that trusts the Mozilla roots, the system's, and the authorities in `extra_ca_pem`.
///
/// # Errors
/// A sentence, when the PEM text contains no usable certificate.
pub fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    trusting(&System::trusted().certificates, extra_ca_pem)
}

fn trusting(system: &[CertificateDer<'static>], extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // A system store may contain certificates that the verifier cannot use; they are skipped.
    roots.add_parsable_certificates(system.iter().cloned());
    if let Some(pem) = extra_ca_pem {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("the extra authority is not valid PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("the extra authority cannot be used: {error}"))?;
            added += 1;
        }
        if added == 0 {
            return Err("the extra authority's file contains no certificate".to_owned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no usable TLS version: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_alone_are_enough() {
        assert!(trusting(&[], None).is_ok());
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn an_unusable_system_certificate_does_not_affect_the_others() {
        let junk = CertificateDer::from(b"junk".to_vec());
        assert!(trusting(&[junk], None).is_ok());
    }

    #[test]
    fn an_extra_authority_is_added_and_junk_is_refused_with_a_sentence() {
        let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        assert!(client_config(Some(authority.cert.pem().as_bytes())).is_ok());
        assert!(client_config(Some(b"")).unwrap_err().contains("no certificate"));
        assert!(client_config(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
    }
}
