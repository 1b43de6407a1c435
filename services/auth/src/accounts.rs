//! Accounts, from the passwords and the store: made at sign-up or by a first magic link, found again at sign-in.

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

/// Makes and finds accounts.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    users: UserStore,
    passwords: Passwords,
    clock: Clock,
    sign_ins: Counters<1>,
    created: Counter,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignUpError {
    /// Passwords cannot be hashed now.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The address is taken, or the database failed.
    #[error(transparent)]
    Insert(#[from] InsertError),
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// The guess was wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidCredentials),
    /// Passwords cannot be checked now.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Accounts in this store.
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

    /// Makes an account with a password. A repeat of the request that made it gets it again.
    pub(crate) async fn sign_up(
        &self,
        id: &NewId<kind::User>,
        input: SignUp,
    ) -> Result<User, SignUpError> {
        if id.is_repeated()
            && let Some(user) = self.made_before(id.get(), &input).await?
        {
            return Ok(user);
        }
        let hash = self.passwords.hash(input.password).await?;
        let user = self.fresh(id.get(), input.email, Some(hash));
        self.insert(&user).await?;
        Ok(user)
    }

    /// The account with this id, if there is one. A password that does not open it any more makes it somebody else's.
    async fn made_before(
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

    /// The account with these credentials. A password is checked whether there is an account or not, so that the time
    /// does not tell.
    pub(crate) async fn sign_in(&self, input: SignIn) -> Result<User, SignInError> {
        let user = self.users.find_typed(&input.email, input.earlier_spelling);
        let user = user.await?;
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

    /// The account of somebody who reads this address's mail; made if there was none.
    pub(crate) async fn of_reader(&self, email: Email) -> Result<User, InsertError> {
        if let Some(user) = self.users.find_by_email(&email).await? {
            return Ok(user);
        }
        let user = self.fresh(new_id(), email, None);
        match self.insert(&user).await {
            // Somebody made it since we looked; accounts are never deleted.
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

    fn fresh(&self, id: Id<kind::User>, email: Email, password: Option<PasswordHash>) -> User {
        User {
            id,
            email,
            password,
            created_at: self.clock.now(),
        }
    }
}
