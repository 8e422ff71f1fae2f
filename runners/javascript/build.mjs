/** Builds the interpreter's component to the path it is given. It runs nothing but the runner's own preparation. */

import { writeFile } from "node:fs/promises";
import { argv } from "node:process";

import { componentize } from "@bytecodealliance/componentize-js";

// Clocks and randomness stay. Standard error stays too: the engine says there, and nowhere else, that its memory is
// full. There is no HTTP.
const { component } = await componentize({
  sourcePath: "app.js",
  witPath: "runner.wit",
  worldName: "runner",
  disableFeatures: ["http", "fetch-event"],
});
await writeFile(argv[2], component);
