// Validates values against schemas inside documents. Reads `{ documents, checks }` and writes a list of faults, as JSON.
// Arguments: the folders of ajv and ajv-formats.
const [ajvFolder, formatsFolder] = process.argv.slice(1);
const Ajv = require(ajvFolder + "/dist/2020").default;
const addFormats = require(formatsFolder).default;

const { documents, checks } = JSON.parse(require("fs").readFileSync(0, "utf8"));
// An API document also contains keywords that ajv does not know.
const ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true });
addFormats(ajv);
for (const [name, document] of Object.entries(documents)) ajv.addSchema(document, name);

const faults = [];
for (const { document, path, value, what } of checks) {
  const escaped = path.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")));
  const place = `${document}#/${escaped.join("/")}`;
  const validate = ajv.getSchema(place);
  if (!validate) {
    faults.push(`${what}: no schema at ${place}`);
  } else if (!validate(value)) {
    faults.push(`${what}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`);
  }
}
process.stdout.write(JSON.stringify(faults));
