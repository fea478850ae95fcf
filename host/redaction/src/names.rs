//! Names of fields whose values are secrets.
//!
//! Contract: a name counts as a whole, without case, `_` and `-`: `max_tokens`, `token_count` and `author` name no secrets.
//! An environment variable's last word counts too (`GITHUB_TOKEN`), if all of it is in capitals.
//! Price: the last two letters rule out nearly all names.

/// The longest name that counts, with its `_` and `-`; bounds how far is looked back from a `=`.
pub(crate) const MAX_NAME_BYTES: usize = 48;

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is a secret.
    Secret,
    /// It is one if it looks like one: a `token` is also what a language is made of.
    Token,
    /// The value of an own header, of whatever length.
    Header,
    /// A scheme and credentials.
    Authorization,
    /// One if it holds a pair of name and value.
    Cookie,
}

const SECRETS: [&[u8]; 31] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"userpassword",
    b"dbpassword",
    b"secret",
    b"secretkey",
    b"secrettoken",
    b"secretaccesskey",
    b"awssecretaccesskey",
    b"clientsecret",
    b"consumersecret",
    b"sharedsecret",
    b"webhooksecret",
    b"apikey",
    b"apisecret",
    b"apitoken",
    b"accesskey",
    b"accountkey",
    b"accesstoken",
    b"refreshtoken",
    b"idtoken",
    b"authtoken",
    b"bearertoken",
    b"sessiontoken",
    b"awssessiontoken",
    b"csrftoken",
    b"privatekey",
    b"signingkey",
    b"encryptionkey",
    b"masterkey",
];

/// The last words of environment variables.
const ENVIRONMENT: [&[u8]; 8] = [
    b"_PASSWORD",
    b"_PASSWD",
    b"_PASSPHRASE",
    b"_SECRET",
    b"_API_KEY",
    b"_PRIVATE_KEY",
    b"_SECRET_KEY",
    b"_ACCESS_KEY",
];

/// Whether what ends so may be a name that counts: a first look at two letters.
pub(crate) fn may_end(text: &[u8]) -> bool {
    let [.., last_but_one, last] = text else { return false };
    // passwoRD passWD passphraSE secrET kEY tokEN authorizatiON cookIE
    matches!(
        [last_but_one | 0x20, last | 0x20],
        [b'r' | b'w', b'd'] | [b's', b'e'] | [b'e', b't' | b'y' | b'n'] | [b'o', b'n'] | [b'i', b'e']
    )
}

/// What `name` says of its value.
pub(crate) fn kind(name: &[u8]) -> Option<Kind> {
    if !may_end(name) || name.len() > MAX_NAME_BYTES {
        return None;
    }
    let mut plain = [0; MAX_NAME_BYTES];
    let mut letters = 0;
    for (to, from) in plain.iter_mut().zip(name.iter().filter(|byte| !matches!(byte, b'_' | b'-'))) {
        *to = from.to_ascii_lowercase();
        letters += 1;
    }
    let plain = plain.get(..letters)?;
    match plain {
        b"token" => Some(Kind::Token),
        b"authorization" | b"proxyauthorization" => Some(Kind::Authorization),
        b"cookie" | b"setcookie" => Some(Kind::Cookie),
        b"xapikey" | b"xauthtoken" | b"xaccesstoken" | b"xamzsecuritytoken" | b"privatetoken" => Some(Kind::Header),
        plain if SECRETS.contains(&plain) => Some(Kind::Secret),
        _ => environment(name),
    }
}

fn environment(name: &[u8]) -> Option<Kind> {
    if name.iter().any(u8::is_ascii_lowercase) {
        return None;
    }
    if ENVIRONMENT.iter().any(|end| name.ends_with(end)) {
        return Some(Kind::Secret);
    }
    name.ends_with(b"_TOKEN").then_some(Kind::Token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_without_case_and_separators() {
        for name in [
            "password",
            "PassWord",
            "api_key",
            "API-KEY",
            "apiKey",
            "clientSecret",
            "_secret",
            "DB_PASSWORD",
            "OPENAI_API_KEY",
        ] {
            assert_eq!(kind(name.as_bytes()), Some(Kind::Secret), "{name}");
        }
        assert_eq!(kind(b"Proxy-Authorization"), Some(Kind::Authorization));
        assert_eq!(kind(b"GITHUB_TOKEN"), Some(Kind::Token));
        assert_eq!(kind(b"Set-Cookie"), Some(Kind::Cookie));
        assert_eq!(kind(b"X-Api-Key"), Some(Kind::Header));
    }

    #[test]
    fn names_that_only_contain_such_a_word_stay() {
        for name in [
            "",
            "t",
            "max_tokens",
            "token_count",
            "input_tokens",
            "llm_input_tokens",
            "tokenizer",
            "author",
            "authors",
            "secret_name",
            "secretary",
            "passwordless",
            "password_hint",
            "key",
            "keys",
            "monkey",
            "public_key",
            "MAX_TOKENS",
            "next_page_token",
            "has_password",
            "on",
            "cookies",
            "authorization_endpoint",
        ] {
            assert_eq!(kind(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn every_name_of_a_secret_passes_the_first_look() {
        for name in SECRETS {
            assert_eq!(kind(name), Some(Kind::Secret), "{}", String::from_utf8_lossy(name));
        }
    }
}
