//! The composition root of the auth service.

use base::Clock;
use service::App;
use service::app::{StartError, connect_mongo};
use telemetry::metrics::Metrics;
use web::session::Sessions;
use web::{Callers, Idempotency};

use crate::accounts::Accounts;
use crate::config::Config;
use crate::limits::RateLimits;
use crate::magic_links::MagicLinks;
use crate::passwords::Passwords;
use crate::state::AppState;
use crate::store::{MagicLinkStore, UserStore};
use crate::{DEFINITION, METRICS, NAME, mail, routes};

/// Connects to the database and builds the service.
pub async fn build(config: Config, clock: Clock) -> Result<App, StartError> {
    let metrics = Metrics::new(NAME, &[web::METRICS, mongo::METRICS, METRICS]);
    let origin = config.magic_links.origin.clone();
    let database = connect_mongo(&config.mongo, NAME, &metrics).await?;
    let users = UserStore::open(&database).await?;
    let links = MagicLinkStore::open(&database).await?;
    // Signing up or in changes the current user, so a repeat may carry a different session than the first request.
    let keys = Idempotency::open(
        &database,
        &config.session,
        Callers::Everybody,
        clock.clone(),
    );
    let keys = keys.await?;
    let passwords = Passwords::new(config.passwords, &metrics).await;
    // Mail is no part of readiness: sign-in by password works without it.
    let (mail, delivery) = mail::open(config.mail, clock.clone(), &metrics);
    let state = AppState {
        limits: RateLimits::new(&config.limits, &clock, &metrics),
        magic_links: MagicLinks::new(config.magic_links, links, mail, clock.clone()),
        accounts: Accounts::new(users, passwords, clock.clone(), &metrics),
        sessions: Sessions::new(&config.session, clock),
        proxies: config.proxies,
    };
    let origin = Some(&origin);
    Ok(App::new(
        &DEFINITION,
        origin,
        metrics,
        routes::table(),
        state,
        Some(keys),
    )
    .intake(|stop| delivery.run(stop))
    .database(database))
}
