// Initiates the replica set and creates its users: `admin` for people, and the service's own user, which may use only
// its own database. The script runs beside every member and is idempotent. It also applies a changed password of the
// Secret after a restart of the pods.
//
// Only the first pod initiates the set. The server refuses unless every member responds and has no data. So a first pod
// that lost its volume cannot initiate a second set; the other members add it again.

const { POD_NAME, REPLICA_SET, MEMBERS, DATABASE, ADMIN_PASSWORD, USER_PASSWORD } = process.env;

const AUTHENTICATION_FAILED = 18;

function here(credentials, database) {
  const options = "directConnection=true&serverSelectionTimeoutMS=5000";
  return new Mongo(`mongodb://${credentials}localhost:27017/${database}?${options}`);
}

// Connects as this user. The shell reports a refused sign-in on connecting or on the first command, so this sends one
// command. `connectionStatus` returns the user.
function signIn(user, password, database) {
  const connection = here(`${user}:${password}@`, database);
  try {
    const status = connection.getDB(database).runCommand({ connectionStatus: 1 });
    let isSignedIn = false;
    for (const one of status.authInfo ? status.authInfo.authenticatedUsers : []) {
      if (one.user === user) isSignedIn = true;
    }
    if (!isSignedIn) {
      const error = new Error(status.errmsg || `${user} is not signed in`);
      error.code = status.code || AUTHENTICATION_FAILED;
      throw error;
    }
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

// The driver may wrap the server's error.
function isRefusedSignIn(error) {
  for (let at = error; at; at = at.cause) {
    if (at.code === AUTHENTICATION_FAILED) return true;
  }
  return false;
}

function begin(admin) {
  const members = [];
  for (let i = 0; i < Number(MEMBERS); i++) {
    // Each member has its own Service, so its name always resolves.
    members.push({ _id: i, host: `${REPLICA_SET}-${i}-srv:27017` });
  }
  admin.runCommand({ replSetInitiate: { _id: REPLICA_SET, members } });
  print(`replica set ${REPLICA_SET} begun`);
}

// Without users, a client on the same host may create the first one ("localhost exception").
function makeAdmin() {
  const nobody = here("", "");
  nobody.getDB("admin").createUser({ user: "admin", pwd: ADMIN_PASSWORD, roles: ["root"] });
  nobody.close();
  print("user admin made");
}

function makeUsers() {
  let admin;
  try {
    admin = signIn("admin", ADMIN_PASSWORD, "admin");
  } catch (error) {
    if (!isRefusedSignIn(error)) throw error;
    makeAdmin();
    admin = signIn("admin", ADMIN_PASSWORD, "admin");
  }
  const database = admin.getDB(DATABASE);
  const rights = { pwd: USER_PASSWORD, roles: [{ role: "readWrite", db: DATABASE }] };
  if (database.getUser(DATABASE)) {
    database.updateUser(DATABASE, rights);
  } else {
    database.createUser({ user: DATABASE, ...rights });
  }
  admin.close();
  print(`user ${DATABASE} may read and write database ${DATABASE}`);
}

// Returns true when nothing is left to do. Throws if something is not possible yet.
function look() {
  const local = here("", "");
  try {
    const admin = local.getDB("admin");
    const hello = admin.runCommand({ hello: 1 });
    if (hello.isWritablePrimary) {
      makeUsers();
      return true;
    }
    if (hello.secondary) {
      // The primary creates the users. They exist here when they can sign in.
      signIn(DATABASE, USER_PASSWORD, DATABASE).close();
      return true;
    }
    if (!hello.setName && POD_NAME === `${REPLICA_SET}-0`) begin(admin);
    return false;
  } finally {
    local.close();
  }
}

let done = false;
while (!done) {
  try {
    done = look();
  } catch (error) {
    print(`not yet: ${error.message}`);
  }
  if (!done) sleep(2000);
}
