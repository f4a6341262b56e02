//! Whether what the environment names as a proxy is one: the HTTP library passes over what it cannot read, and the
//! request would go out directly.

/// Says what is wrong with a proxy's address. Nothing of it is repeated, since it may hold a password.
///
/// # Errors
/// When no request could be sent through it.
pub fn check_proxy(text: &str) -> Result<(), String> {
    // Read as the library reads it.
    let address: hyper::Uri =
        text.parse().map_err(|_| "it is no address; write it like http://HOST:PORT".to_owned())?;
    if !matches!(address.scheme_str(), None | Some("http" | "https")) {
        return Err("only proxies at http:// and https:// are spoken to".to_owned());
    }
    let host = address.host().unwrap_or_default();
    if host.is_empty() {
        return Err("it names no host; write it like http://HOST:PORT".to_owned());
    }
    // The library takes the usual port where it cannot read the one that is given.
    let place = address.authority().map(|it| it.as_str()).unwrap_or_default();
    let port = place.rsplit('@').next().and_then(|it| it.strip_prefix(host)).unwrap_or_default();
    if !port.is_empty() && address.port_u16().is_none() {
        return Err("its port is no number; write it like http://HOST:PORT".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_proxy;

    #[test]
    fn what_the_library_would_pass_over_is_refused() {
        for good in ["http://proxy.example:3128", "https://a:b@proxy.example", "proxy.example:3128", "http://[::1]:2"] {
            assert_eq!(check_proxy(good), Ok(()), "{good}");
        }
        for bad in [
            "http://",
            "http:/proxy:3128",
            "http://proxy:port",
            "http://us er:hunter2@proxy",
            "socks5://proxy:1080",
            "ftp://proxy",
            "/proxy",
            "\u{fffd}",
            "http://:3128",
        ] {
            let refusal = check_proxy(bad).expect_err(bad);
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
