//! The page after a sign-in. It comes from the URL, which anyone may have written.

/// Returns the path if it leads to a page of ours, otherwise the front page.
pub(super) fn destination(next: &str) -> &str {
    // Browsers read `//host` and `/\host` as other sites.
    let local = next.starts_with('/') && !next[1..].starts_with(['/', '\\']);
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic());
    // The account pages make no sense after a sign-in.
    if local && plain && !next.starts_with("/auth/") {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_accepted() {
        assert_eq!(destination("/orders/12?a=b"), "/orders/12?a=b");
        for text in [
            "",
            "https://elsewhere.example",
            "//elsewhere.example",
            "/\\elsewhere.example",
            "/orders\r\nset-cookie: a=b",
            "/ orders",
            "/auth/signin",
            "orders",
        ] {
            assert_eq!(destination(text), "/", "{text}");
        }
    }
}
