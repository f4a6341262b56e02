//! Which address the service has: normalised, and refused where a token must not go.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::api::redact::harmless;

/// The managed service.
pub const MANAGED: &str = "https://api.pulumi.com";

/// The address of a service, without a trailing `/` or `/api`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    text: String,
    url: Url,
}

impl Backend {
    /// Reads an address as people write it.
    ///
    /// # Errors
    /// Says what is wrong with it, in a sentence without its user or password.
    pub fn parse(written: &str) -> Result<Self, String> {
        if written.chars().any(|it| it.is_whitespace() || it.is_control() || it == '\\') {
            return Err("the address has characters that no address has".to_owned());
        }
        let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
        // What stands before `@` may be a password, so nothing of the address is repeated.
        if rest.split(['/', '?', '#']).next().is_some_and(|it| it.contains('@')) {
            return Err("the address must not hold a user or a password".to_owned());
        }
        let scheme = scheme.to_ascii_lowercase();
        // Whatever this is, it may have been meant for the token's place.
        if !scheme.starts_with(|it: char| it.is_ascii_alphabetic()) || !scheme.bytes().all(is_of_scheme) {
            return Err(format!("it is no address; write it like {MANAGED}"));
        }
        if !matches!(scheme.as_str(), "http" | "https") {
            let scheme = harmless(&scheme, "", 40);
            return Err(format!(
                "`{scheme}://` is where a self-managed state backend lives; organizations exist only on Pulumi Cloud, \
                 or on a self-hosted service at https://…"
            ));
        }
        let url = Url::parse(written).map_err(|error| format!("it is no address: {error}"))?;
        Self::judge(&url)?;
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/api").unwrap_or(path).trim_end_matches('/').to_owned();
        let text = format!("{}{path}", url.origin().ascii_serialization());
        let url = Url::parse(&text).map_err(|error| format!("it is no address: {error}"))?;
        Ok(Self { text, url })
    }

    /// Why a token must not be sent there.
    fn judge(url: &Url) -> Result<(), String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address must not hold a user or a password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("the address must not have a `?` or `#` part".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err("the address has no host".to_owned());
        }
        if url.scheme() == "http" && !is_loopback(host) {
            let host = harmless(host, "", 255);
            return Err(format!(
                "`http://{host}` would send the token unencrypted; write https:// (http:// is only for this machine)"
            ));
        }
        if host == "app.pulumi.com" {
            return Err(format!("`{host}` is the console; the service itself is at {MANAGED}"));
        }
        Ok(())
    }

    /// As text, without a trailing `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, and the port where it is not the usual one.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether it is on this machine, spoken to without encryption and past every proxy.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// The address itself.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Backend;

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (written, text) in [
            ("https://api.pulumi.com", "https://api.pulumi.com"),
            ("https://api.pulumi.com/", "https://api.pulumi.com"),
            ("https://api.pulumi.com/api/", "https://api.pulumi.com"),
            ("https://API.pulumi.com:443/api", "https://api.pulumi.com"),
            ("https://pulumi.example:8443//", "https://pulumi.example:8443"),
            ("https://example.com/pulumi/api", "https://example.com/pulumi"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:2/api", "http://[::1]:2"),
            ("HTTPS://api.pulumi.com", "https://api.pulumi.com"),
            ("Http://LOCALHOST:1", "http://localhost:1"),
        ] {
            assert_eq!(Backend::parse(written).map(|it| it.as_str().to_owned()), Ok(text.to_owned()), "{written}");
        }
    }

    #[test]
    fn a_token_is_sent_to_no_doubtful_address() {
        for written in [
            "",
            "api.pulumi.com",
            "localhost:8080",
            "file://~",
            "s3://bucket/path",
            "azblob://x",
            "http://api.pulumi.com",
            "http://169.254.169.254",
            "http://localhost.example.com",
            "https://user:hunter2@example.com",
            "user:hunter2@example.com",
            "user:hunter2@example.com/https://x",
            "pul-hunter2",
            "pul-hunter2://x",
            "user:hunter2://x",
            "http://pul-hunter2",
            "https://pul-hunter2:x",
            "HTTP://api.pulumi.com",
            "https://api.pulumi.com@evil.example",
            "https://@evil.example",
            "https://api.pulumi.com?x=1",
            "https://api.pulumi.com#x",
            "https://api.pulumi.com/ x",
            "https://api.pulumi.com\\@evil.example",
            "https://",
            "https://app.pulumi.com/acme",
        ] {
            let refusal = Backend::parse(written).expect_err(written);
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
