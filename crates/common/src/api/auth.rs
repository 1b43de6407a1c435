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
    /// The address to send the link to.
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

/// A well-formed sign-in, whose password is not checked yet. It has no `Debug`, so that no log can contain the
/// password.
#[derive(Clone)]
pub struct SignIn {
    /// The account's address.
    pub email: Email,
    /// The address as an earlier release would have stored it, if that differs from `email`.
    pub earlier_spelling: Option<String>,
    /// The password to check: not empty, at most 1,024 bytes.
    pub password: String,
}

impl SignIn {
    /// The longest password to check, in bytes: twice what 128 characters of four bytes take.
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
    /// The address to send the link to.
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

/// An account, the response of a sign-up or sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// The account's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::User>,
    /// The account's address.
    pub email: Email,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// The account's id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::IdSchema))]
    pub id: Id<kind::User>,
    /// The account's address.
    pub email: Email,
    /// When the session began, in seconds since 1970.
    pub iat: u64,
}

/// The response of `GET /api/users/currentuser`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CurrentUserView {
    /// The session; `null` if nobody is signed in.
    pub current_user: Option<SessionView>,
}

/// The empty object, for responses without content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Empty {}
