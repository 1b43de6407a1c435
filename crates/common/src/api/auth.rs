//! `/api/users`: accounts and sessions.

use serde::{Deserialize, Serialize};

use crate::error::Faults;
use crate::id::kind;
use crate::{Email, FieldError, Id, Input, NewPassword, lenient};

/// The body of a sign-up or sign-in.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialsBody {
    /// An email address.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, example = "shopper@example.com")
    )]
    pub email: Option<String>,
    /// A password.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, min_length = 8, max_length = 128, format = Password, example = "correct horse battery")
    )]
    pub password: Option<String>,
}

/// The body of a request for a magic link.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MagicLinkBody {
    /// Where to send the link.
    #[serde(default, deserialize_with = "lenient::string")]
    #[cfg_attr(
        feature = "openapi",
        schema(required, nullable = false, example = "shopper@example.com")
    )]
    pub email: Option<String>,
}

/// A valid sign-up.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The account's address.
    pub email: Email,
    /// The account's password.
    pub password: NewPassword,
}

impl Input for SignUp {
    type Body = CredentialsBody;

    fn parse(body: CredentialsBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let email = faults.check("email", body.email.unwrap_or_default().parse());
        let password = faults.check(
            "password",
            NewPassword::try_from(body.password.unwrap_or_default()),
        );
        let input = email
            .zip(password)
            .map(|(email, password)| Self { email, password });
        faults.finish(input)
    }
}

/// A valid sign-in: whether the password is right is another question. It does not print.
#[derive(Clone)]
pub struct SignIn {
    /// The account's address.
    pub email: Email,
    /// What was typed as an earlier release would have stored it, if that is another spelling.
    pub earlier_spelling: Option<String>,
    /// The password to check, not empty and at most 1,024 bytes.
    pub password: String,
}

impl SignIn {
    /// The longest password worth checking, in bytes: the longest that a sign-up takes, in the longest characters, twice.
    const MAX_PASSWORD_BYTES: usize = 1_024;
}

impl Input for SignIn {
    type Body = CredentialsBody;

    fn parse(body: CredentialsBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let text = body.email.unwrap_or_default();
        let email = faults.check("email", Email::of_account(&text));
        let password = body
            .password
            .filter(|text| (1..=Self::MAX_PASSWORD_BYTES).contains(&text.len()));
        let password = faults.check("password", password.ok_or("You must supply a password"));
        let input = email.zip(password).map(|(email, password)| Self {
            earlier_spelling: Email::earlier_spelling(&text)
                .filter(|spelling| spelling != email.as_str()),
            email,
            password,
        });
        faults.finish(input)
    }
}

/// A valid request for a magic link.
#[derive(Debug, Clone)]
pub struct RequestMagicLink {
    /// Where to send the link.
    pub email: Email,
}

impl Input for RequestMagicLink {
    type Body = MagicLinkBody;

    fn parse(body: MagicLinkBody) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        let email = faults.check("email", body.email.unwrap_or_default().parse());
        faults.finish(email.map(|email| Self { email }))
    }
}

/// An account, as a sign-up or sign-in answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// The account's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::User>,
    /// Its address.
    pub email: Email,
}

/// Who is signed in, as the session says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// The account's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::User>,
    /// Its address.
    pub email: Email,
    /// When the session began, in seconds since 1970.
    pub iat: u64,
}

/// The answer of `GET /api/users/currentuser`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CurrentUserView {
    /// Who is signed in; `null` if nobody is.
    pub current_user: Option<SessionView>,
}

/// The empty object, the answer where there is nothing to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Empty {}
