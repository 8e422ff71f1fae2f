/** The entry of the sealed interpreter: what the world's `run` calls. What each call sees is this state, fresh. */

import hostCall from "host-call";
import stop from "stop";

import { answer } from "./runner/answering.js";
import { prepare } from "./runner/preparing.js";

prepare();

/** Run the program of `request`, JSON; answers JSON. Never rejects for what a program does. */
export function run(request) {
  return answer(request, { call: hostCall, stop });
}
