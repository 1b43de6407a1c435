//! Sign-up, sign-in and accounts that are created by a magic link.

use base::Clock;
use common::api::auth::{SignIn, SignUp};
use common::id::kind;
use common::{Email, Id};
use mongo::{StoreError, new_id};
use telemetry::metrics::{Counter, Counters, Metrics};
use web::NewId;

use crate::domain::{EmailInUse, InvalidCredentials, PasswordHash, User};
use crate::metrics::{ACCOUNTS_CREATED, SIGN_INS};
use crate::passwords::{Overloaded, Passwords};
use crate::store::{InsertError, UserStore};

/// Creates and finds accounts.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    users: UserStore,
    passwords: Passwords,
    clock: Clock,
    sign_ins: Counters<1>,
    created: Counter,
}

/// Why a sign-up failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignUpError {
    /// The password queue is full.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The address is taken, or the database failed.
    #[error(transparent)]
    Insert(#[from] InsertError),
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// The credentials are wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidCredentials),
    /// The password queue is full.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    pub(crate) fn new(
        users: UserStore,
        passwords: Passwords,
        clock: Clock,
        metrics: &Metrics,
    ) -> Self {
        Self {
            sign_ins: metrics.counters(&SIGN_INS),
            created: metrics.counter(&ACCOUNTS_CREATED),
            users,
            passwords,
            clock,
        }
    }

    /// Creates an account with a password. A repeat of the request returns the same account.
    pub(crate) async fn sign_up(
        &self,
        id: &NewId<kind::User>,
        input: SignUp,
    ) -> Result<User, SignUpError> {
        if id.is_repeated()
            && let Some(user) = self.find_repeat(id.get(), &input).await?
        {
            return Ok(user);
        }
        let hash = self.passwords.hash(input.password).await?;
        let user = self.new_user(id.get(), input.email, Some(hash));
        self.insert(&user).await?;
        Ok(user)
    }

    /// The account that an earlier attempt of this request created. If its password has changed since, the sign-up is
    /// refused like any other sign-up for an address in use.
    async fn find_repeat(
        &self,
        id: Id<kind::User>,
        input: &SignUp,
    ) -> Result<Option<User>, SignUpError> {
        let user = self.users.find_by_email(&input.email).await;
        let user = user.map_err(InsertError::from)?;
        let Some(user) = user.filter(|user| user.id == id) else {
            return Ok(None);
        };
        let password = input.password.expose().to_owned();
        let hash = user.password.clone();
        let matches = self.passwords.verify(password, hash).await?;
        if matches {
            Ok(Some(user))
        } else {
            Err(InsertError::from(EmailInUse).into())
        }
    }

    /// Finds the account with these credentials. A password is verified even if there is no account, so that the
    /// response time does not reveal which addresses have one.
    pub(crate) async fn sign_in(&self, input: SignIn) -> Result<User, SignInError> {
        let user = self
            .users
            .find_by_spelling(&input.email, input.earlier_spelling)
            .await?;
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let matches = self.passwords.verify(input.password, hash).await?;
        let outcome = if matches {
            "signed_in"
        } else {
            "wrong_credentials"
        };
        self.sign_ins.with([outcome]).increment();
        Ok(user.filter(|_| matches).ok_or(InvalidCredentials)?)
    }

    /// The account of a client who has proved to own this address; created if there is none.
    pub(crate) async fn find_or_create(&self, email: Email) -> Result<User, InsertError> {
        if let Some(user) = self.users.find_by_email(&email).await? {
            return Ok(user);
        }
        let user = self.new_user(new_id(), email, None);
        match self.insert(&user).await {
            // A concurrent request has created it. Accounts are never deleted.
            Err(InsertError::EmailInUse(taken)) => {
                let found = self.users.find_by_email(&user.email).await?;
                found.ok_or_else(|| taken.into())
            }
            inserted => inserted.map(|()| user),
        }
    }

    async fn insert(&self, user: &User) -> Result<(), InsertError> {
        self.users.insert(user).await?;
        self.created.increment();
        Ok(())
    }

    fn new_user(&self, id: Id<kind::User>, email: Email, password: Option<PasswordHash>) -> User {
        User {
            id,
            email,
            password,
            created_at: self.clock.now(),
        }
    }
}
