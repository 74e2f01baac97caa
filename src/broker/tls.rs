//! One TLS configuration for REST, websocket and token exchange.
//!
//! Owns which authorities are trusted. Reads no file: the extra authority comes as PEM text.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A configuration that trusts the Mozilla roots, and the authorities in `extra_ca_pem` beside them.
///
/// # Errors
/// A sentence when the PEM text holds no usable certificate.
pub fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = extra_ca_pem {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("the extra authority is not valid PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("the extra authority cannot be used: {error}"))?;
            added += 1;
        }
        if added == 0 {
            return Err("the extra authority's file holds no certificate".to_owned());
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
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn an_extra_authority_is_taken_and_junk_is_refused_with_a_sentence() {
        let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        assert!(client_config(Some(authority.cert.pem().as_bytes())).is_ok());
        assert!(client_config(Some(b"")).unwrap_err().contains("no certificate"));
        assert!(client_config(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
    }
}
