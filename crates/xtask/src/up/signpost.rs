//! Says where everything is.

use testkit::Fleet;

pub(super) fn print(fleet: &Fleet) {
    println!(
        "\nThe shop:     {} (open it in a browser)\n",
        fleet.origin()
    );
    for service in fleet.services() {
        println!(
            "{:<14}http://127.0.0.1:{}  health http://127.0.0.1:{}/readyz",
            service.to_string(),
            service.port(),
            service.admin_port(),
        );
    }
    let servers = fleet.servers();
    println!();
    println!(
        "Mail          {} (caught there, delivered to nobody)",
        fleet.mail().page_url()
    );
    println!(
        "Stripe        {}/_stand-in/ledger (what was charged and refunded)",
        fleet.stripe().base_url()
    );
    for server in [servers.mongo(), servers.nats(), servers.redis()] {
        println!("{:<14}{}", server.kind().to_string(), server.address());
    }
    println!("Logs          {}\n", fleet.folder().display());
}
