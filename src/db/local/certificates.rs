//! The cluster's own certificate authority and the server certificate it signs (X.509 v3, ECDSA P-256 with SHA-256). It
//! must not know who checks them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::user::{self, ServerUser};
use crate::error::{Error, Result};
use crate::secrets::{SecretRef, write_private};
use crate::sensitive::Sensitive;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// An authority lasts ten years; a server certificate is made anew at every start and lasts 825 days.
const AUTHORITY: Duration = DAY.saturating_mul(3650);
const SERVER: Duration = DAY.saturating_mul(825);

/// Makes sure that `tls` holds an authority and writes a fresh server certificate for `localhost` and 127.0.0.1 to
/// `conf/server.crt` and `conf/server.key`, which the server's user may read.
pub(super) fn issue(tls: &Path, conf: &Path, user: &ServerUser) -> Result<()> {
    let failed = |cause: rcgen::Error| Error::internal(format!("a certificate cannot be made: {cause}")).with_source(cause);
    let key_file = tls.join("ca.key");
    if !key_file.exists() {
        if !tls.is_dir() {
            user::make_folder(tls, 0o755)?;
        }
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority()?.self_signed(&key).map_err(failed)?;
        replace(&tls.join("ca.crt"), certificate.pem().as_bytes())?;
        // Public by nature: other programs of this machine verify the server with it.
        std::fs::set_permissions(tls.join("ca.crt"), Permissions::from_mode(0o644))
            .map_err(|cause| Error::failed(format!("ca.crt cannot be made readable: {}", cause.kind())).with_source(cause))?;
        // Last, so that an interrupted first start begins again.
        write_private(&key_file, Sensitive::new(key.serialize_pem()).expose().as_bytes())?;
    }
    let pem = SecretRef::File(key_file).read(tls)?;
    let key = KeyPair::from_pem(pem.expose()).map_err(|_| {
        Error::integrity("the managed cluster's certificate authority has no usable key").with_hint("run: genogate db reset")
    })?;
    let issuer = Issuer::new(authority()?, key);

    let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(failed)?;
    server.distinguished_name = name("localhost");
    valid_for(&mut server, SERVER);
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate().map_err(failed)?;
    let certificate = server.signed_by(&server_key, &issuer).map_err(failed)?;
    replace(&conf.join("server.crt"), certificate.pem().as_bytes())?;
    replace(&conf.join("server.key"), Sensitive::new(server_key.serialize_pem()).expose().as_bytes())?;
    user.lend(&conf.join("server.crt"))?;
    user.lend(&conf.join("server.key"))
}

pub(super) fn authority() -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("genogate managed cluster");
    valid_for(&mut params, AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// From yesterday on, for clocks that run behind.
fn valid_for(params: &mut CertificateParams, time: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + time).into();
}

/// Puts a private file in the place of another, whole or not at all.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = Path::new(&draft);
    // Left behind by an interrupted start; nothing refers to it.
    let _ = std::fs::remove_file(draft);
    write_private(draft, content)?;
    std::fs::rename(draft, path)
        .map_err(|cause| Error::failed(format!("{} cannot be written: {}", path.display(), cause.kind())).with_source(cause))
}
