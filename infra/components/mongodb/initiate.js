// Begins the replica set and makes its users: `admin` for people, and the service's own, with rights on its own database
// only. It runs beside every member and may run as often as one likes; a password that was changed in the Secret is
// changed here too, when the pods are started again.
//
// Only the first pod begins a set, and only together with all the others: the server refuses unless every member answers
// and has no data. So a first pod that lost its volume cannot begin a second set beside the one that is there; the other
// members take it in again by themselves.

const { POD_NAME, REPLICA_SET, MEMBERS, DATABASE, ADMIN_PASSWORD, USER_PASSWORD } = process.env;

const AUTHENTICATION_FAILED = 18;

function here(credentials, database) {
  const options = "directConnection=true&serverSelectionTimeoutMS=5000";
  return new Mongo(`mongodb://${credentials}localhost:27017/${database}?${options}`);
}

// A connection of this user. The shell reports a refused sign-in when it connects or with the first command, so one
// command is sent here; `connectionStatus` says who signed in.
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

// The driver may wrap the server's error in one of its own.
function isRefusedSignIn(error) {
  for (let at = error; at; at = at.cause) {
    if (at.code === AUTHENTICATION_FAILED) return true;
  }
  return false;
}

function begin(admin) {
  const members = [];
  for (let i = 0; i < Number(MEMBERS); i++) {
    // Each member has a Service of its own, so its name always resolves.
    members.push({ _id: i, host: `${REPLICA_SET}-${i}-srv:27017` });
  }
  admin.runCommand({ replSetInitiate: { _id: REPLICA_SET, members } });
  print(`replica set ${REPLICA_SET} begun`);
}

// As long as there is no user, whoever connects from the same machine may make the first ("localhost exception").
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

// True once nothing is left to do here. What cannot be done yet throws.
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
      // Whoever is primary makes the users; they are there when they can sign in here.
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
