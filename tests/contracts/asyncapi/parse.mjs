// Prints what the official parser says about the document whose path is given, as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const problems = diagnostics
  .filter(({ severity }) => severity < 2) // errors and warnings
  .map(({ path, message }) => `${path.join(".")}: ${message}`);
const operations = document?.allOperations().all().map((operation) => operation.id()) ?? [];
console.log(JSON.stringify({ problems, operations }));
