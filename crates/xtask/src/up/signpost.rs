//! Prints the addresses of the fleet.

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
        "Mail          {} (caught here, never delivered)",
        fleet.mail().page_url()
    );
    println!(
        "Stripe        {}/_stand-in/ledger (charges and refunds)",
        fleet.stripe().base_url()
    );
    for server in [servers.mongo(), servers.nats(), servers.redis()] {
        println!("{:<14}{}", server.kind().to_string(), server.address());
    }
    println!("Logs          {}\n", fleet.folder().display());
}
