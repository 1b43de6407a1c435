// Runs `initiate.js` in a simulated shell. Arguments: the script; when a failed sign-in is reported, "connect" or
// "command"; whether the driver wraps the error; the existing users, as a map from names to passwords; and whether this
// member is the primary. Returns the final users, the number of open connections, and how often the script waited.
const [script, reported, wraps, users, isPrimary] = arguments;
let open = 0, waits = 0;

class Mongo {
  constructor(uri) {
    [, this.user, this.password] = uri.match(/^mongodb:\/\/(?:([^:@]*):([^@]*)@)?/);
    if (reported === "connect") this.signIn();
    this.isOpen = true;
    open += 1;
  }
  signIn() {
    if (this.user === undefined || users[this.user] === this.password) return;
    const refused = Object.assign(new Error("Authentication failed."), { code: 18 });
    throw wraps ? Object.assign(new Error("no connection"), { cause: refused }) : refused;
  }
  close() {
    if (this.isOpen) open -= 1;
    this.isOpen = false;
  }
  getDB() {
    const authenticatedUsers = this.user === undefined ? [] : [{ user: this.user }];
    return {
      runCommand: (command) => {
        this.signIn();
        if (command.connectionStatus) return { ok: 1, authInfo: { authenticatedUsers } };
        return { ok: 1, setName: "orders-mongo", isWritablePrimary: isPrimary, secondary: !isPrimary };
      },
      createUser: ({ user, pwd }) => {
        this.signIn();
        if (this.user === undefined && Object.keys(users).length > 0) throw new Error("requires authentication");
        users[user] = pwd;
      },
      getUser: (user) => (this.signIn(), user in users ? { user } : null),
      updateUser: (user, { pwd }) => (this.signIn(), (users[user] = pwd)),
    };
  }
}

const environment = {
  POD_NAME: "orders-mongo-0", REPLICA_SET: "orders-mongo", MEMBERS: "1",
  DATABASE: "orders", ADMIN_PASSWORD: "of the admin", USER_PASSWORD: "of the service",
};
const sleep = () => {
  waits += 1;
  if (waits > 5) throw new Error("the script waits forever");
  // Meanwhile the primary creates the users.
  if (!isPrimary) Object.assign(users, { orders: "of the service" });
};
new Function("process", "Mongo", "print", "sleep", script)({ env: environment }, Mongo, () => {}, sleep);
return { users, open, waits };
